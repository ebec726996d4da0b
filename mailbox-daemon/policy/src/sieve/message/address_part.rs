use super::FieldAddress;

/// Which part of an address is tested (RFC 5228 section 2.7.4, RFC 5233).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPart {
    /// `:all`
    #[default]
    All,
    /// `:localpart`
    LocalPart,
    /// `:domain`
    Domain,
    /// `:user`: the local part up to the first `+`
    User,
    /// `:detail`: what stands behind it
    Detail,
}

impl AddressPart {
    /// That part of an address; `None` if there is none.
    pub fn of(self, address: &FieldAddress) -> Option<&[u8]> {
        match self {
            AddressPart::All => Some(address.all()),
            AddressPart::Domain => address.domain(),
            _ => self.of_local_part(address.local_part()?),
        }
    }

    /// That part of a local part alone. Detail is what [`types::Address::tag`] takes for the tag.
    pub fn of_local_part(self, local_part: &[u8]) -> Option<&[u8]> {
        let plus = local_part.iter().position(|byte| *byte == b'+');
        match self {
            AddressPart::User => Some(&local_part[..plus.unwrap_or(local_part.len())]),
            AddressPart::Detail => plus.map(|plus| &local_part[plus + 1..]),
            _ => Some(local_part),
        }
    }
}
