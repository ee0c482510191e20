//! Who may connect, by where they come from: networks for TCP, users, groups and processes for IPC.
//!
//! Pure but for one question: a process' further groups are asked of the system.

use std::net::IpAddr;
use std::str::FromStr;

/// Rules; with none of a kind, everybody passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AcceptFilters {
    pub(crate) networks: Vec<Network>,
    pub(crate) users: Vec<u32>,
    pub(crate) groups: Vec<u32>,
    pub(crate) processes: Vec<i32>,
}

/// An address and how many of its leading bits count.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl FromStr for Network {
    type Err = ();

    /// `10.0.0.0/8`, `::1`, `fe80::/10`.
    fn from_str(text: &str) -> Result<Network, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => {
                (address, Some(bits.parse::<u32>().map_err(|_| ())?))
            }
            Some(_) => return Err(()),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        if bits > all { Err(()) } else { Ok(Network { address, bits }) }
    }
}

impl Network {
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                u32::from(net) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(net), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                u128::from(net) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

impl AcceptFilters {
    /// A TCP peer from this address may connect.
    pub(crate) fn pass_address(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty() || address.is_some_and(|a| self.networks.iter().any(|net| net.contains(a)))
    }

    /// The process at the other end of a Unix socket may connect: one rule that fits is enough.
    pub(crate) fn pass_process(&self, credentials: Option<(i32, u32, u32)>) -> bool {
        if self.users.is_empty() && self.groups.is_empty() && self.processes.is_empty() {
            return true;
        }
        let Some((process, user, group)) = credentials else { return false };
        self.users.contains(&user)
            || self.groups.contains(&group)
            || self.processes.contains(&process)
            || further_groups(process).iter().any(|group| self.groups.contains(group))
    }
}

/// The groups that a process is in besides its first one.
fn further_groups(process: i32) -> Vec<u32> {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else { return Vec::new() };
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    line.split_whitespace().filter_map(|group| group.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let contains =
            |net: &str, address: &str| net.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("127.0.0.1", "127.0.0.1"));
        assert!(!contains("127.0.0.255/32", "127.0.0.1"));
        assert!(contains("0.0.0.0/0", "10.1.2.3"));
        assert!(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(contains("fe80::/10", "fe80::1"));
        assert!(!contains("::/0", "10.1.2.3"));
        for wrong in
            ["foo", "0.0.0.0foo", "0.0.0.0/foo", "0.0.0.0/", "0.0.0.0/-1", "0.0.0.0/33", "0.0.0.0/+1", ""]
        {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn processes() {
        let own = std::process::id() as i32;
        let filters = AcceptFilters { users: vec![7], ..AcceptFilters::default() };
        assert!(filters.pass_process(Some((own, 7, 1))));
        assert!(!filters.pass_process(Some((own, 8, 7))));
        assert!(!filters.pass_process(None));
        assert!(AcceptFilters::default().pass_process(None));
    }
}
