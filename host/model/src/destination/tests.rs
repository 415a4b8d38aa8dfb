//! The syntax of destinations, and what they let through.

use proptest::prelude::*;

use super::*;

fn destination(text: &str) -> Destination {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn destinations_are_read_as_they_are_written() {
    for text in [
        "api.example.com:443",
        "*.example.org:443",
        "api.example.com:*",
        "10.0.0.5:8080",
        "10.0.0.0/8:8080",
        "0.0.0.0/0:*",
        "[fd00::5]:8080",
        "[fd00::/8]:443",
        "*:443",
        "*:*",
        "localhost:80",
        "under_score.example:1",
    ] {
        assert_eq!(destination(text).to_string(), text);
    }
    assert_eq!(destination("API.Example.com:443").to_string(), "api.example.com:443");
    assert_eq!(destination("[::ffff:10.0.0.5]:80").to_string(), "10.0.0.5:80");
    assert_eq!(destination("10.0.0.5/32:80").to_string(), "10.0.0.5:80");
}

#[test]
fn what_is_no_destination_is_explained() {
    for (text, wanted) in [
        ("", "has no port"),
        ("api.example.com", "has no port; write one, such as `api.example.com:443`"),
        ("[::1]", "has no port"),
        ("https://api.example.com", "more than a host and a port"),
        ("api.example.com:443/v1", "more than a host and a port"),
        ("user@api.example.com:443", "more than a host and a port"),
        ("api.example.com:", "is no port"),
        ("api.example.com:0", "is no port"),
        ("api.example.com:65536", "is no port"),
        ("api.example.com:+80", "is no port"),
        ("api.example.com:https", "is no port"),
        ("::1", "in brackets"),
        ("fd00::5:80", "in brackets"),
        ("fd00::/8", "in brackets"),
        ("[10.0.0.5]:80", "is no host"),
        ("[::1:80", "is no host"),
        ("a b:80", "is no host"),
        ("*.*:80", "is no host"),
        ("a.*.b:80", "is no host"),
        ("10.0.0.256:80", "is no host"),
        ("10.1:80", "is no host"),
        ("0x7f000001:80", "is no host"),
        ("10.0.0.5/8:80", "did you mean `10.0.0.0/8`?"),
        ("10.0.0.0/33:80", "between 0 and 32"),
        ("10.0.0.0/+8:80", "between 0 and 32"),
        ("example.com/8:80", "is no network"),
        ("[fd00::1/8]:80", "did you mean `fd00::/8`?"),
        ("[fd00::/129]:80", "between 0 and 128"),
        ("[::ffff:10.0.0.0/104]:80", "write it as IPv4"),
        ("inventory.internal:80", "`callers`"),
        ("*.internal:80", "`callers`"),
    ] {
        let error = text.parse::<Destination>().unwrap_err().to_string();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

#[test]
fn names_are_permitted_by_name_and_port() {
    for (entry, name, port, permitted) in [
        ("api.example.com:443", "api.example.com", 443, true),
        ("api.example.com:443", "API.example.COM.", 443, true),
        ("api.example.com:443", "api.example.com", 80, false),
        ("api.example.com:443", "x.api.example.com", 443, false),
        ("api.example.com:*", "api.example.com", 80, true),
        ("*.example.org:443", "a.example.org", 443, true),
        ("*.example.org:443", "a.b.example.org", 443, true),
        ("*.example.org:443", "example.org", 443, false),
        ("*.example.org:443", "aexample.org", 443, false),
        ("*:443", "anything", 443, true),
        ("*:443", "anything", 80, false),
        ("10.0.0.5:80", "10.0.0.5.example", 80, false),
    ] {
        assert_eq!(destination(entry).permits_name(name, port), permitted, "{entry} {name}:{port}");
    }
}

#[test]
fn addresses_that_are_not_public_have_to_be_listed() {
    for (entry, address, port, permitted) in [
        ("10.0.0.5:80", "10.0.0.5", 80, true),
        ("10.0.0.5:80", "10.0.0.6", 80, false),
        ("10.0.0.5:80", "10.0.0.5", 81, false),
        ("10.0.0.5:80", "::ffff:10.0.0.5", 80, true),
        ("10.0.0.0/8:80", "10.255.0.1", 80, true),
        ("10.0.0.0/8:80", "11.0.0.1", 80, false),
        ("0.0.0.0/0:*", "127.0.0.1", 1, true),
        ("0.0.0.0/0:*", "::1", 1, false),
        ("[fd00::/8]:443", "fdff::1", 443, true),
        ("[fd00::/8]:443", "fc00::1", 443, false),
        ("[::/0]:*", "::1", 443, true),
        ("*:*", "93.184.216.34", 80, true),
        ("*:*", "127.0.0.1", 80, false),
        ("*:*", "::ffff:169.254.169.254", 80, false),
        ("127.0.0.1.example.com:80", "127.0.0.1", 80, false),
    ] {
        assert_eq!(destination(entry).permits_address(address.parse().unwrap(), port), permitted, "{entry} {address}");
    }
}

proptest! {
    /// Whatever is written, it is refused or read, and what is read is written as it is read again.
    #[test]
    fn any_text_is_refused_or_understood(text in "[a-c0-9.:*/\\[\\]-]{0,24}") {
        if let Ok(destination) = text.parse::<Destination>() {
            prop_assert_eq!(destination.to_string().parse::<Destination>(), Ok(destination));
        }
    }

    #[test]
    fn a_network_has_exactly_the_addresses_that_share_its_prefix(
        own in any::<u32>(), other in any::<u32>(), prefix in 0_u32..=32,
    ) {
        let shift = 32 - prefix;
        let base = own.checked_shr(shift).unwrap_or(0).checked_shl(shift).unwrap_or(0);
        let entry = destination(&format!("{}/{prefix}:80", Ipv4Addr::from_bits(base)));
        let shared = own.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0);
        prop_assert_eq!(entry.lists(Ipv4Addr::from_bits(other).into(), 80), shared);
        prop_assert!(entry.lists(Ipv4Addr::from_bits(own).into(), 80));
    }

    /// No entry but one that names the address leads to what is not public.
    #[test]
    fn only_listed_addresses_are_reached_that_are_not_public(bits in any::<u32>(), port in 1_u16..) {
        let address = IpAddr::V4(Ipv4Addr::from_bits(bits));
        for entry in ["*:*", "*.example.com:*", "localhost:*", "[::/0]:*"] {
            prop_assert_eq!(destination(entry).permits_address(address, port), entry == "*:*" && is_public(address));
        }
    }
}
