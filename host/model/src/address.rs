//! Which addresses are out in the public internet. Services reach all others only where their `outbound` list names
//! them: what is behind them trusts its network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet: globally reachable by the special-purpose registries of IANA
/// (RFC 6890), and neither multicast nor reserved. Addresses that carry an IPv4 address are judged by that one.
pub fn is_public(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// An IPv4 address in the form of IPv6 (`::ffff:10.0.0.5`) as what it is.
pub(crate) const fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)              // this network, private use, loopback
        | (100, 64..=127, _)            // shared by carriers
        | (169, 254, _)                 // link-local, and the metadata of clouds
        | (172, 16..=31, _)             // private use
        | (192, 0, 0 | 2)               // protocol assignments, documentation
        | (192, 88, 99)                 // relays to IPv6, deprecated
        | (192, 168, _)                 // private use
        | (198, 18 | 19, _)             // benchmarks
        | (198, 51, 100)                // documentation
        | (203, 0, 113)                 // documentation
        | (224..=255, ..) // multicast, reserved, broadcast
    )
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    match (a, b) {
        // NAT64 (RFC 6052): the address behind it decides. The local form (64:ff9b:1::/48) leads who knows where.
        (0x64, 0xff9b) => c == 0 && d == 0 && e == 0 && f == 0 && is_public_v4(embed(g, h)),
        // Protocol assignments, Teredo among them, which carries an IPv4 address that nobody here checks.
        (0x2001, 0..=0x1ff) => false,
        // Documentation.
        (0x2001, 0xdb8) => false,
        // 6to4, deprecated: the address that it carries decides.
        (0x2002, high) => is_public_v4(embed(high, c)),
        // Documentation (RFC 9637).
        (0x3fff, 0..=0xfff) => false,
        // The one range that global unicast addresses are given from.
        (0x2000..=0x3fff, _) => true,
        // Unspecified, loopback, local (fc00::/7), link-local (fe80::/10), multicast, discarded, and all else.
        _ => false,
    }
}

/// The IPv4 address in two segments.
const fn embed(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((high as u32) << 16 | low as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_public_or_not() {
        for (text, public) in [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.255", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700::1111", true),
            ("2a00:1450:4001::1", true),
            ("::", false),
            ("::1", false),
            ("::10.0.0.1", false),
            ("::93.184.216.34", false),
            ("::ffff:93.184.216.34", true),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::93.184.216.34", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::93.184.216.34", false),
            ("64:ff9b::1:93.184.216.34", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:20::1", false),
            ("2001:db8::1", false),
            ("2002:5db8:d822::1", true),
            ("2002:0a00:0001::1", false),
            ("2002:7f00:0001::1", false),
            ("3fff::1", false),
            ("4000::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fdff:ffff::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    proptest! {
        /// No form of IPv6 makes an IPv4 address public that is not.
        #[test]
        fn the_form_of_an_address_does_not_matter(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let low = u128::from(bits);
            let nat64 = Ipv6Addr::from_bits(0x0064_ff9b_u128 << 96 | low);
            let to4 = Ipv6Addr::from_bits(0x2002_u128 << 112 | low << 80 | 1);
            for v6 in [v4.to_ipv6_mapped(), nat64, to4] {
                prop_assert_eq!(is_public(v6.into()), is_public(v4.into()), "{}", v6);
            }
            prop_assert!(!is_public(Ipv6Addr::from_bits(low).into()));
        }

        /// What the standard library knows to be special is not public.
        #[test]
        fn what_is_special_is_not_public(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_unspecified() || v4.is_documentation();
            prop_assert!(!(special && is_public(v4.into())));
        }

        #[test]
        fn nothing_outside_global_unicast_is_public(bits in any::<u128>()) {
            let v6 = Ipv6Addr::from_bits(bits);
            let global = matches!(v6.segments(), [0x2000..=0x3fff, ..] | [0x64, 0xff9b, ..]);
            prop_assert!(global || v6.to_ipv4_mapped().is_some() || !is_public(v6.into()));
        }
    }
}
