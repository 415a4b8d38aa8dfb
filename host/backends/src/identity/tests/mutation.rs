//! No token that differs from a good one is good.

use proptest::prelude::*;

use super::*;

#[tokio::test(start_paused = true)]
async fn no_bit_of_a_token_can_be_changed() {
    for key in [TestKey::ed(), TestKey::p256(), TestKey::rsa()] {
        let bench = Bench::new(&[&TestKey::ed(), &TestKey::p256(), &TestKey::rsa()]);
        let token = key.sign(&claims());
        assert_eq!(bench.refusal(&token).await, None);
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone().into_bytes();
                changed[at] ^= 1 << bit;
                // What is no text cannot come this far.
                let Ok(changed) = String::from_utf8(changed) else { continue };
                assert!(bench.check(&changed).await.is_err(), "bit {bit} of byte {at} of a token of {:?}", key.id);
            }
        }
        assert_eq!(bench.refusal(&token).await, None, "the token itself is still good");
    }
}

fn piece() -> impl Strategy<Value = String> {
    let token = TestKey::ed().sign(&claims());
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let header = |text: &str| base64url(text);
    let mut pieces = parts;
    pieces.extend([".".to_owned(), "..".to_owned(), "A".to_owned(), "=".to_owned(), " ".to_owned(), "é".to_owned()]);
    pieces.extend([r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#, "{}", r#"{"alg":"EdDSA","kid":"ed"}"#].map(header));
    prop_oneof![6 => prop::sample::select(pieces), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn nothing_that_is_put_together_is_a_token(pieces in prop::collection::vec(piece(), 0..8), cut in 0..400_usize) {
        let good = TestKey::ed().sign(&claims());
        let text = pieces.concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new(&[&TestKey::ed()]);
            prop_assert_eq!(bench.check(&text).await.is_ok(), text == good);
            let cut = good.get(..cut.min(good.len() - 1)).unwrap_or_default();
            prop_assert!(bench.check(cut).await.is_err());
            Ok(())
        })?;
    }
}
