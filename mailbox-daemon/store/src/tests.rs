//! Tests of the floor as a whole, on the disk that loses power.

mod basics;
mod commit;
mod crash;
mod damage;
mod doctor;
mod folders;
mod foreign;
mod identity;
mod index;
mod keywords;
mod model;
mod real;
mod resync;
mod script_memory;
mod scripts;
mod support;
