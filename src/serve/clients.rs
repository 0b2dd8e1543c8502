//! How much of the server one client may have: a share of all places for each address, so that no single one takes
//! them all. What a place is (a connection, a request, a byte of memory) and which address a client has is for the caller
//! to know.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Least share, however few places there are.
const LEAST: usize = 8;

/// Who holds how many places.
#[derive(Debug)]
pub(super) struct Clients {
    held: Mutex<HashMap<IpAddr, usize>>,
    /// Places of one address, and of this machine's own.
    share: usize,
    own: usize,
}

/// Places of one client, held until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    clients: Arc<Clients>,
    address: IpAddr,
    places: usize,
}

impl Clients {
    /// A quarter of so many places for each address, half of them for this machine's own.
    pub(super) fn new(places: usize) -> Arc<Self> {
        let part = |share: usize| (places / share).max(LEAST);
        Arc::new(Self { held: Mutex::default(), share: part(4), own: part(2) })
    }

    /// A place for a client, `None` where it holds its share.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Held> {
        self.take(address, 1)
    }

    /// So many places for a client, `None` where it would hold more than its share.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, places: usize) -> Option<Held> {
        let address = household(address);
        let share = if address.is_loopback() { self.own } else { self.share };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.get(&address).copied().unwrap_or(0);
        let after = before.checked_add(places).filter(|&after| after <= share)?;
        held.insert(address, after);
        Some(Held { clients: self.clone(), address, places })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.clients.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= self.places;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

/// The part of an address that one client has to itself: of IPv6 it is given 2^64 at once.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_a_share_and_what_is_given_back_is_free() {
        let clients = Clients::new(40);
        let enter = |address: &str, times: usize| -> Vec<Held> {
            (0..times).map_while(|_| clients.enter(address.parse().unwrap())).collect()
        };
        let first = enter("192.0.2.1", 50);
        assert_eq!(first.len(), 10);
        assert_eq!(enter("::ffff:192.0.2.1", 1).len(), 0, "the same address written otherwise");
        assert_eq!(enter("192.0.2.2", 50).len(), 10);
        assert_eq!(enter("127.0.0.1", 50).len(), 20);
        assert_eq!(enter("::1", 50).len(), 20);
        let network = enter("2001:db8::1", 50);
        assert_eq!((network.len(), enter("2001:db8::ffff:2", 1).len(), enter("2001:db8:0:1::1", 1).len()), (10, 0, 1));
        drop((first, network));
        assert_eq!(enter("192.0.2.1", 50).len(), 10);
        let take = |places| clients.take("192.0.2.1".parse().unwrap(), places);
        let several = take(7).unwrap();
        assert!(take(4).is_none() && take(usize::MAX).is_none() && take(3).is_some());
        drop(several);
        assert!(take(10).is_some() && take(11).is_none());
        assert!(clients.held.lock().unwrap().is_empty());
        assert_eq!(Clients::new(1).share, LEAST);
    }
}
