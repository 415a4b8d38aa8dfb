//! Servers that are away, restart or stop, permissions, and ways to log in.

use patchbay_model::bus::BusError;
use patchbay_model::ports::{BusHealth, Settlement};

use super::*;
use crate::bus::{NatsLogin, NatsTls};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_starts_without_a_server_and_finds_it_later() {
    let mut server = NatsServer::start("");
    server.kill();
    let early = NatsSettings {
        connect_timeout: Duration::from_millis(300),
        request_timeout: Duration::from_millis(300),
        waiting_messages: 2,
        ..settings(&server)
    };
    let bus = open(early, shop()).await;
    assert!(matches!(bus.health(), BusHealth::Impaired(text) if text.contains("no connection to NATS")));
    for topic in ["shop.a", "other"] {
        let refused = bus.publish(message(topic, "1")).await;
        assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    }
    let attempts = futures_util::future::join_all((0..4).map(|n| bus.publish(message("shop.a", &n.to_string())))).await;
    let full = attempts.iter().filter(|one| matches!(one, Err(error) if error.to_string().contains("2 messages wait")));
    assert_eq!(full.count(), 2, "{attempts:?}");
    assert!(bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.is_err());
    server.restart();
    until("the topic can be used", || async { bus.publish(message("shop.a", "9")).await.is_ok() }).await;
    until("it is healthy", || async { bus.health() == BusHealth::Ready }).await;
    assert_eq!(bus.read(&filter("shop.>"), &filter(">"), 0, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_go_on_when_the_server_comes_back() {
    let mut server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let durable = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    let volatile = bus.subscribe(group(None, "other", "g")).await.unwrap();
    for round in 0..3 {
        let (first, second) = (format!("{round}-1"), format!("{round}-2"));
        until("it is published", || async { bus.publish(message("shop.a", &first)).await.is_ok() }).await;
        let held = receive(&durable, 1).await;
        assert_eq!(ids(&held), [first]);
        server.kill();
        server.restart();
        until("it is published", || async { bus.publish(message("shop.a", &second)).await.is_ok() }).await;
        // The server does not know any more who holds the first, and delivers it again; the feed does not.
        let next = receive(&durable, 1).await;
        assert_eq!((ids(&next), next[0].attempt), (vec![second], 1));
        for incoming in held.into_iter().chain(next) {
            durable.settle(incoming.token, Settlement::Acknowledge);
        }
        until("everything is acknowledged", || async {
            bus.groups().await.is_ok_and(|groups| groups[0].in_flight + groups[0].retrying + groups[0].lag == 0)
        })
        .await;
        publish(&bus, "other", &["v"]).await;
        let incoming = receive(&volatile, 1).await;
        volatile.settle(incoming[0].token, Settlement::Acknowledge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_go_on_when_the_server_comes_back() {
    let mut server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let watch = Interest { consumer: Consumer::Watcher { start: Start::New }, ..group(Some("shop.>"), "shop.>", "g") };
    let watching = bus.subscribe(watch).await.unwrap();
    publish(&bus, "shop.a", &["1"]).await;
    assert_eq!(ids(&receive(&watching, 1).await), ["1"]);
    server.restart();
    until("it is published", || async { bus.publish(message("shop.a", "2")).await.is_ok() }).await;
    assert_eq!(ids(&receive(&watching, 1).await), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_somebody_deletes_goes_on_where_it_was() {
    let server = NatsServer::start("");
    let bus = open(settings(&server), shop()).await;
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    publish(&bus, "shop.a", &["1"]).await;
    let first = receive(&feed, 1).await;
    feed.settle(first[0].token, Settlement::Acknowledge);
    bus.forget_group(&filter("shop.>"), "g", &filter("shop.*")).await.unwrap();
    publish(&bus, "shop.a", &["2"]).await;
    assert_eq!(ids(&receive(&feed, 1).await), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_gives_no_false_receipts() {
    let server = NatsServer::start("");
    let quick = NatsSettings { request_timeout: Duration::from_millis(500), ..settings(&server) };
    let bus = open(quick, shop()).await;
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    publish(&bus, "shop.a", &["1"]).await;
    let held = receive(&feed, 1).await;
    server.pause();
    let none = bus.publish(message("shop.a", "2")).await;
    assert!(matches!(none, Err(BusError::Timeout(_) | BusError::Unavailable(_))), "{none:?}");
    assert!(matches!(bus.health(), BusHealth::Impaired(_)));
    feed.settle(held[0].token, Settlement::Acknowledge);
    server.resume();
    until("it is published", || async { bus.publish(message("shop.a", "3")).await.is_ok() }).await;
    until("the feed goes on", || async {
        let got = tokio::time::timeout(Duration::from_millis(200), feed.receive(MANY)).await.unwrap_or_default();
        got.iter().for_each(|one| feed.settle(one.token, Settlement::Acknowledge));
        ids(&got).contains(&"3".to_owned())
    })
    .await;
    until("it is healthy", || async { bus.health() == BusHealth::Ready }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_done_is_denied_until_it_may() {
    let users = |allowed: &str| {
        format!(
            "authorization {{ users = [ {{ user: me, password: pw, permissions: {{ publish: {{ deny: [{allowed}] }} }} }} ] }}"
        )
    };
    let server =
        NatsServer::start(&users("\"shop.secret\", \"other.secret\", \"$JS.API.STREAM.INFO.patchbay_dlq_=all\""));
    let login = NatsLogin::User { user: "me".to_owned(), password: "pw".to_owned() };
    let bus = open(NatsSettings { login, ..settings(&server) }, shop()).await;
    let feed = bus.subscribe(group(Some("shop.>"), "shop.*", "g")).await.unwrap();
    let denied = bus.publish(message("shop.secret", "1")).await;
    assert!(matches!(&denied, Err(BusError::Denied(text)) if text.contains("shop.secret")), "{denied:?}");
    // Nobody answers for a volatile message: it is denied from when the server has said so.
    until("it is denied", || async {
        matches!(bus.publish(message("other.secret", "1")).await, Err(BusError::Denied(_)))
    })
    .await;
    publish(&bus, "shop.a", &["2"]).await;
    assert_eq!(ids(&receive(&feed, 1).await), ["2"]);
    assert!(matches!(bus.health(), BusHealth::Impaired(text) if text.contains("Permissions Violation")));
    let infos = bus.topics().await;
    assert!(matches!(&infos, Err(BusError::Denied(_))), "{infos:?}");
    server.configure(&users(""));
    server.reload();
    until("it is allowed", || async {
        bus.link.condition.denials.clear();
        bus.publish(message("shop.secret", "3")).await.is_ok()
    })
    .await;
    until("the topic is made", || async {
        bus.link.condition.denials.clear();
        bus.topics().await.is_ok() && bus.health() == BusHealth::Ready
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_says_so() {
    let server = NatsServer::start("accounts { A { users = [ { user: me, password: pw } ] } }");
    let login = NatsLogin::User { user: "me".to_owned(), password: "pw".to_owned() };
    let bus = open(NatsSettings { login, ..settings(&server) }, shop()).await;
    assert!(matches!(bus.health(), BusHealth::Impaired(text) if text.contains("JetStream")), "{:?}", bus.health());
    let refused = bus.publish(message("shop.a", "1")).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    publish(&bus, "other", &["1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_log_in_as_the_server_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = nkeys::KeyPair::new_user();
    let seed = folder.path().join("seed");
    std::fs::write(&seed, format!("{}\n", key.seed().unwrap())).unwrap();
    let user = |password: &str| NatsLogin::User { user: "me".to_owned(), password: password.to_owned() };
    let users = "authorization { user: me, password: pw }".to_owned();
    let token = "authorization { token: t0ken }".to_owned();
    let keys = format!("authorization {{ users = [ {{ nkey: {} }} ] }}", key.public_key());
    for (more, login, may) in [
        (&users, user("pw"), true),
        (&users, user("wrong"), false),
        (&token, NatsLogin::Token("t0ken".to_owned()), true),
        (&token, NatsLogin::None, false),
        (&keys, NatsLogin::NkeySeed(seed.clone()), true),
        (&keys, user("pw"), false),
    ] {
        let server = NatsServer::start(more);
        let connect_timeout = if may { SOON } else { Duration::from_millis(500) };
        let bus = open(NatsSettings { login, connect_timeout, ..settings(&server) }, shop()).await;
        assert_eq!(bus.health() == BusHealth::Ready, may, "{more} {:?}", bus.health());
    }
    let missing = NatsLogin::NkeySeed(folder.path().join("missing"));
    let opened =
        NatsBus::open(NatsSettings { login: missing, ..NatsSettings::default() }, shop(), Arc::new(SystemClock)).await;
    assert!(matches!(opened.map(drop), Err(BusError::Invalid(text)) if text.contains("missing")));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_files_say_who_a_host_is() {
    use nkeys::KeyPair;
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let (account, user) = (KeyPair::new_account(), KeyPair::new_user());
    let jwt = |by: &KeyPair, of: &KeyPair, name: &str, nats: &str| {
        let claims = format!(
            r#"{{"jti":"x","iat":1700000000,"iss":"{}","name":"{name}","sub":"{}","nats":{nats}}}"#,
            by.public_key(),
            of.public_key()
        );
        let part = |text: &str| data_encoding::BASE64URL_NOPAD.encode(text.as_bytes());
        let signed = format!("{}.{}", part(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#), part(&claims));
        format!("{signed}.{}", data_encoding::BASE64URL_NOPAD.encode(&by.sign(signed.as_bytes()).unwrap()))
    };
    let limits = r#""subs":-1,"data":-1,"payload":-1"#;
    let of_system = format!(
        r#"{{"type":"account","version":2,"limits":{{{limits},"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1}}}}"#
    );
    let of_account = format!(
        r#"{{"type":"account","version":2,"limits":{{{limits},"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1,"mem_storage":-1,"disk_storage":-1,"streams":-1,"consumer":-1}}}}"#
    );
    let more = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        jwt(&operator, &operator, "op", r#"{"type":"operator","version":2}"#),
        system.public_key(),
        system.public_key(),
        jwt(&operator, &system, "sys", &of_system),
        account.public_key(),
        jwt(&operator, &account, "acc", &of_account)
    );
    let of_user = jwt(&account, &user, "host", &format!(r#"{{"type":"user","version":2,{limits}}}"#));
    let server = NatsServer::start(&more);
    let path = server.folder().join("host.creds");
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().unwrap()
    );
    std::fs::write(&path, text).unwrap();
    let bus = open(NatsSettings { login: NatsLogin::Credentials(path), ..settings(&server) }, shop()).await;
    assert_eq!(bus.health(), BusHealth::Ready);
    publish(&bus, "shop.a", &["1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_protected_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["authority".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = parameters.self_signed(&key).unwrap();
    let authority = rcgen::Issuer::new(parameters, key);
    std::fs::write(file("ca.pem"), certificate.pem()).unwrap();
    for name in ["server", "client"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        std::fs::write(file(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let server = NatsServer::start(&format!(
        "tls {{ cert_file: '{}', key_file: '{}', ca_file: '{}', verify: true }}",
        file("server.pem").display(),
        file("server.key").display(),
        file("ca.pem").display()
    ));
    let identity = Some((file("client.pem"), file("client.key")));
    for (authorities, identity, may) in [
        (Some(file("ca.pem")), identity.clone(), true),
        (Some(file("ca.pem")), None, false),
        (Some(file("client.pem")), identity, false),
    ] {
        let tls = NatsTls { required: true, authorities, identity };
        let connect_timeout = if may { SOON } else { Duration::from_millis(500) };
        let bus = open(NatsSettings { tls: tls.clone(), connect_timeout, ..settings(&server) }, shop()).await;
        assert_eq!(bus.health() == BusHealth::Ready, may, "{tls:?} {:?}", bus.health());
    }
    let open_server = NatsServer::start("");
    let tls = NatsTls { required: true, ..NatsTls::default() };
    let bus =
        open(NatsSettings { tls, connect_timeout: Duration::from_millis(500), ..settings(&open_server) }, shop()).await;
    assert!(matches!(bus.health(), BusHealth::Impaired(_)));
}
