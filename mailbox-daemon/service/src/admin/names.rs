//! Domains, aliases and groups.

use super::{Admin, AdminError, Answer, any_address, domain_name, own_address};
use serde_json::json;
use types::{Address, DirectoryEntry, Domain, Group, LocalDomain};

impl Admin<'_> {
    pub(super) fn domain_add(&self, domain: &str) -> Result<Answer, AdminError> {
        let domain = domain_name(domain)?;
        if self.directory.domain(&domain)?.is_some() {
            return Err(AdminError::Exists(format!("the domain {domain}")));
        }
        self.directory.put_domain(&LocalDomain { domain: domain.clone(), catch_all: None })?;
        // Its keys are made while nobody waits for them.
        self.keyring.wake();
        Ok(Answer::says(format!("mail for {domain} is received here now")))
    }

    pub(super) fn domain_catch_all(&self, domain: &str, target: Option<&str>) -> Result<Answer, AdminError> {
        let mut local = self.local_domain(domain)?;
        local.catch_all = target.map(any_address).transpose()?;
        self.directory.put_domain(&local)?;
        Ok(Answer::says(match &local.catch_all {
            Some(address) => format!("mail for unknown names in {} goes to {address}", local.domain),
            None => format!("mail for unknown names in {} is refused", local.domain),
        }))
    }

    pub(super) fn domain_list(&self) -> Result<Answer, AdminError> {
        Ok(Answer::lists(self.directory.domains()?.into_iter().map(|local| {
            json!({
                "domain": local.domain.to_string(),
                "catch_all": local.catch_all.map(|address| address.to_string()),
            })
        })))
    }

    pub(super) fn domain_remove(&self, domain: &str) -> Result<Answer, AdminError> {
        let domain = self.local_domain(domain)?.domain;
        if self.directory.entries()?.iter().any(|(address, _)| address.domain == domain) {
            return Err(AdminError::DomainInUse(domain));
        }
        for (address, entry) in self.directory.entries()? {
            if matches!(entry, DirectoryEntry::Account(_)) {
                self.change_rules(&address, |rules| rules.masquerades.retain(|other| *other != domain))?;
            }
        }
        self.directory.remove_domain(&domain)?;
        Ok(Answer::says(format!("mail for {domain} is no longer received here")))
    }

    pub(super) fn alias_add(&self, address: &str, target: &str) -> Result<Answer, AdminError> {
        let address = match self.directory.lookup(&own_address(address)?)? {
            Some(DirectoryEntry::Alias(_)) => own_address(address)?,
            _ => self.free_address(address)?,
        };
        let target = any_address(target)?;
        self.directory.put(&address, &DirectoryEntry::Alias(target.clone()))?;
        Ok(Answer::says(format!("mail for {address} goes to {target}")))
    }

    pub(super) fn alias_list(&self) -> Result<Answer, AdminError> {
        let entries = self.directory.entries()?;
        Ok(Answer::lists(entries.into_iter().filter_map(|(address, entry)| match entry {
            DirectoryEntry::Alias(target) => {
                Some(json!({ "address": address.to_string(), "target": target.to_string() }))
            }
            _ => None,
        })))
    }

    pub(super) fn alias_remove(&self, address: &str) -> Result<Answer, AdminError> {
        let address = own_address(address)?;
        match self.directory.lookup(&address)? {
            Some(DirectoryEntry::Alias(_)) => self.directory.remove(&address)?,
            _ => return Err(AdminError::Unknown { kind: "alias", name: address.to_string() }),
        };
        Ok(Answer::says(format!("the alias {address} is removed")))
    }

    pub(super) fn group_add(&self, address: &str, members: &[String]) -> Result<Answer, AdminError> {
        let known = match self.directory.lookup(&own_address(address)?)? {
            Some(DirectoryEntry::Group(group)) => Some(group.members),
            _ => None,
        };
        let (address, mut all) = match known {
            Some(members) => (own_address(address)?, members),
            None => (self.free_address(address)?, Vec::new()),
        };
        for member in members {
            let member = any_address(member)?;
            if !all.contains(&member) {
                all.push(member);
            }
        }
        self.keep_group(address, all)
    }

    pub(super) fn group_list(&self) -> Result<Answer, AdminError> {
        let entries = self.directory.entries()?;
        Ok(Answer::lists(entries.into_iter().filter_map(|(address, entry)| match entry {
            DirectoryEntry::Group(group) => Some(json!({
                "address": address.to_string(),
                "members": group.members.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })),
            _ => None,
        })))
    }

    pub(super) fn group_remove(&self, address: &str, members: &[String]) -> Result<Answer, AdminError> {
        let address = own_address(address)?;
        let Some(DirectoryEntry::Group(group)) = self.directory.lookup(&address)? else {
            return Err(AdminError::Unknown { kind: "group", name: address.to_string() });
        };
        if members.is_empty() {
            self.directory.remove(&address)?;
            return Ok(Answer::says(format!("the group {address} is removed")));
        }
        let leaving: Vec<Address> =
            members.iter().map(|member| any_address(member)).collect::<Result<_, _>>()?;
        let staying = group.members.into_iter().filter(|member| !leaving.contains(member)).collect();
        self.keep_group(address, staying)
    }

    fn keep_group(&self, address: Address, members: Vec<Address>) -> Result<Answer, AdminError> {
        if members.is_empty() {
            return Err(AdminError::EmptyGroup);
        }
        let count = members.len();
        self.directory.put(&address, &DirectoryEntry::Group(Group { members }))?;
        let noun = if count == 1 { "member" } else { "members" };
        Ok(Answer::says(format!("the group {address} has {count} {noun}")))
    }

    /// An address in one of our domains that nobody has yet.
    pub(super) fn free_address(&self, text: &str) -> Result<Address, AdminError> {
        let address = own_address(text)?;
        if self.directory.domain(&address.domain)?.is_none() {
            return Err(AdminError::ForeignDomain(address.domain));
        }
        match self.directory.lookup(&address)? {
            Some(_) => Err(AdminError::Exists(address.to_string())),
            None => Ok(address),
        }
    }

    pub(super) fn local_domain(&self, text: &str) -> Result<LocalDomain, AdminError> {
        let domain: Domain = domain_name(text)?;
        self.directory
            .domain(&domain)?
            .ok_or_else(|| AdminError::Unknown { kind: "domain", name: domain.to_string() })
    }
}
