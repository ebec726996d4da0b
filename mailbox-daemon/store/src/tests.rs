//! Tests of the floor as a whole, on the disk that loses power.

mod basics;
mod crash;
mod foreign;
mod folders;
mod index;
mod model;
mod support;
