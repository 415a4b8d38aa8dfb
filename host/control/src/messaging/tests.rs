//! Publishing, deliveries and dead letters, with a bus in memory under a paused clock.

use std::time::Duration;

use patchbay_model::bus::{BusError, Message, Order, SubscriptionSettings, Topics};
use patchbay_model::ports::{Messaging, Publication, Settlement};
use patchbay_model::trace::{SpanContext, SpanKind, SpanOrigin};
use patchbay_model::{Course, Proof, ServiceName, User};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::fakes::Bench;

const TOPIC: &str = "shop.orders.created";

/// Waits until something is so, by the paused clock.
async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(600), waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

fn publication(data: &str, key: Option<&str>) -> Publication {
    Publication {
        topic: TOPIC.to_owned(),
        key: key.map(str::to_owned),
        data: data.to_owned().into(),
        ..Publication::default()
    }
}

fn subscription() -> SubscriptionSettings {
    SubscriptionSettings { attempts: 3, ..SubscriptionSettings::default() }
}

struct Shop {
    bench: Bench,
}

impl Shop {
    /// A host whose service `shipping` has a subscription.
    async fn open(settings: SubscriptionSettings, config: &[(&str, &str)]) -> Self {
        let shop = Self { bench: Bench::new() };
        shop.bench.control.start(Vec::new(), |_, _| {}).await.unwrap();
        shop.deploy(settings, config).await;
        shop
    }

    async fn deploy(&self, settings: SubscriptionSettings, config: &[(&str, &str)]) {
        let mut request = self.bench.request("shipping", "a", config);
        request.settings.subscriptions = [("shop.orders.*".parse().unwrap(), settings)].into();
        self.bench.control.deploy(request).finished().await.unwrap();
        // One for what is not declared, and one for replays.
        assert_eq!(self.bench.bus.n_feeds(), 2);
    }

    async fn publish(&self, data: &str, key: Option<&str>) {
        self.bench.control.publish_message(publication(data, key)).await.unwrap();
    }

    fn delivered(&self) -> Vec<String> {
        self.bench.executor.deliveries.lock().unwrap().clone()
    }

    fn acknowledged(&self) -> usize {
        self.bench.bus.settled().iter().filter(|(_, settlement)| *settlement == Settlement::Acknowledge).count()
    }

    async fn letters(&self) -> Vec<StoredDeadLetter> {
        self.bench.control.dead_letters(None, None, 100).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_delivered_and_acknowledged() {
    let shop = Shop::open(subscription(), &[]).await;
    shop.publish("one", None).await;
    shop.publish("two", None).await;
    eventually("both are done", || shop.acknowledged() == 2).await;
    assert_eq!(shop.delivered(), ["one@1", "two@1"]);
    let view = shop.bench.control.subscriptions().await.unwrap().remove(0);
    assert_eq!((view.delivered, view.acknowledged, view.in_flight, view.state), (2, 2, 0, SubscriptionState::Active));
}

#[tokio::test(start_paused = true)]
async fn what_serves_has_subscribed() {
    let shop = Shop::open(subscription(), &[]).await;
    // Another run of the host, on the same registry.
    let again = shop.bench.restarted();
    again.control.start(Vec::new(), |_, _| {}).await.unwrap();
    assert_eq!(again.bus.n_feeds(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_away_is_not_waited_for() {
    let shop = Shop { bench: Bench::new() };
    shop.bench.control.start(Vec::new(), |_, _| {}).await.unwrap();
    shop.bench.bus.go_away(true);
    let begun = Instant::now();
    let mut request = shop.bench.request("shipping", "a", &[]);
    request.settings.subscriptions = [("shop.orders.*".parse().unwrap(), subscription())].into();
    shop.bench.control.deploy(request).finished().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    let view = shop.bench.control.subscriptions().await.unwrap().remove(0);
    assert!(matches!(view.state, SubscriptionState::Waiting(_)), "{:?}", view.state);
    shop.bench.bus.go_away(false);
    eventually("it begins when the bus is back", || shop.bench.bus.n_feeds() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_too_often_becomes_a_dead_letter_that_has_everything() {
    let shop = Shop::open(subscription(), &[]).await;
    for (data, tries, reason) in
        [("retry: no address", 3, "retry: no address"), ("reject", 1, "rejected"), ("fail", 3, "broke off")]
    {
        let before = shop.delivered().len();
        let begun = Instant::now();
        shop.publish(data, None).await;
        eventually("it is given up", || !shop.bench.bus.stored("dlq.shipping").is_empty()).await;
        assert_eq!(shop.delivered().len() - before, tries, "{data}");
        // The first pause is about one second, the second about two.
        let pauses = if tries == 3 { 2400..3601 } else { 0..100 };
        assert!(pauses.contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        let letter = shop.letters().await.remove(0);
        assert_eq!(letter.letter.message.data, data);
        assert_eq!(letter.letter.message.topic.as_str(), TOPIC);
        let death = letter.letter.death;
        assert_eq!(
            (death.attempts as usize, death.service.as_str(), death.group.as_str()),
            (tries, "shipping", "shipping")
        );
        assert!(death.reason.contains(reason), "{}", death.reason);
        eventually("the message is let go of", || {
            shop.bench.bus.settled().last().is_some_and(|(_, last)| *last == Settlement::Acknowledge)
        })
        .await;
        shop.bench.control.drop_dead_letter(&letter.place).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_kept_until_its_dead_letter_is_written() {
    let shop = Shop::open(subscription(), &[]).await;
    shop.bench.bus.fill("dlq.>", true);
    shop.publish("reject", None).await;
    sleep(Duration::from_secs(60)).await;
    assert_eq!((shop.acknowledged(), shop.delivered().len()), (0, 1));
    shop.bench.bus.fill("dlq.>", false);
    eventually("it is let go of", || shop.acknowledged() == 1).await;
    assert_eq!(shop.letters().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_replayed_to_the_subscription_that_it_failed_in() {
    let shop = Shop::open(subscription(), &[("handles", "reject: no address"), ("version", "old")]).await;
    shop.publish("order 7", Some("7")).await;
    eventually("it is given up", || !shop.bench.bus.stored("dlq.shipping").is_empty()).await;
    let first = shop.letters().await.remove(0);
    // It fails once more, and is another dead letter then.
    shop.bench.control.replay_dead_letter(&first.place).await.unwrap();
    eventually("it is given up again", || !shop.bench.bus.stored("dlq.shipping").is_empty()).await;
    let second = shop.letters().await.remove(0);
    assert_eq!((second.letter.replays, &second.letter.message), (1, &first.letter.message));
    shop.deploy(subscription(), &[("version", "new")]).await;
    shop.bench.control.replay_dead_letter(&second.place).await.unwrap();
    eventually("it is done", || shop.delivered().last().is_some_and(|last| last == "order 7@1 new")).await;
    assert_eq!(shop.letters().await, []);
    let gone = shop.bench.control.replay_dead_letter(&second.place).await;
    assert!(matches!(gone, Err(BusError::NotFound(_))), "{gone:?}");
}

#[tokio::test(start_paused = true)]
async fn messages_with_the_same_key_wait_for_each_other() {
    let settings = SubscriptionSettings { order: Order::Key, ..subscription() };
    let shop = Shop::open(settings, &[]).await;
    for (data, key) in [("retry", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")] {
        shop.publish(data, Some(key)).await;
    }
    eventually("all are done", || shop.acknowledged() == 4).await;
    assert_eq!(shop.delivered(), ["retry@1", "b1@1", "retry@2", "retry@3", "a2@1", "a3@1"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_handled_at_a_time_than_may_be() {
    let shop = Shop::open(SubscriptionSettings { max_in_flight: 2, ..subscription() }, &[]).await;
    let begun = Instant::now();
    for _ in 0..6 {
        shop.publish("sleep 10", None).await;
    }
    eventually("all are done", || shop.acknowledged() == 6).await;
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_swap_and_a_stop_lose_nothing_and_count_nothing() {
    let shop = Shop::open(subscription(), &[("version", "1")]).await;
    shop.publish("sleep 3", None).await;
    eventually("it is begun", || shop.delivered().len() == 1).await;
    // The subscription changes, too, so what is in hand is given back first.
    shop.deploy(SubscriptionSettings { max_in_flight: 1, ..subscription() }, &[("version", "2")]).await;
    shop.publish("two", None).await;
    eventually("both are done", || shop.acknowledged() == 2).await;
    assert_eq!(shop.delivered(), ["sleep 3@1 1", "two@1 2"]);
    shop.publish("sleep 10", None).await;
    shop.publish("never begun", None).await;
    eventually("one is begun", || shop.delivered().len() == 3).await;
    assert_eq!(shop.bench.control.stop(Duration::from_secs(30)).await, 0);
    assert_eq!((shop.acknowledged(), shop.delivered().len(), shop.bench.bus.n_feeds()), (3, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_a_service_that_cannot_take_it() {
    let shop = Shop::open(subscription(), &[("handles", "fail")]).await;
    // The breaker opens at seven failures in a row, and what comes then is no attempt of the message.
    for _ in 0..4 {
        shop.publish("order", None).await;
    }
    eventually("all are given up", || shop.bench.bus.stored("dlq.shipping").len() == 4).await;
    assert_eq!(shop.delivered().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn the_host_fills_in_what_a_publisher_leaves_out_and_carries_causes() {
    let bench = Bench::new();
    let messaging = ServiceMessaging::default();
    let orders: ServiceName = "orders".parse().unwrap();
    let of_call = SpanContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let of_call = SpanContext { state: Some("a=1".into()), ..of_call };
    let course = |cause| Course {
        call: None,
        deadline: (Instant::now() + Duration::from_secs(5)).into_std(),
        hops: 0,
        cause,
        trace: Some(of_call.clone()),
        user: None,
    };
    let of_request = course(None);
    let early = messaging.publish(&orders, of_request.clone(), publication("1", None)).await;
    assert!(matches!(early, Err(BusError::Unavailable(_))), "{early:?}");
    messaging.attach(&bench.control);
    messaging.publish(&orders, of_request, publication("1", Some("k"))).await.unwrap();
    let first = bench.bus.stored(TOPIC).remove(0);
    assert_eq!((first.source.as_str(), first.kind.as_str(), first.key()), ("/services/orders", TOPIC, Some("k")));
    assert_eq!(first.extension("causationid"), None);
    let of_first = SpanContext::of_message(&first).unwrap();
    assert_eq!(of_first, SpanContext { span: of_first.span, ..of_call.clone() });
    let caused = course(Some(Arc::new(first.clone())));
    let ann = Arc::new(User::new(Proof::Token, "corp", "ann"));
    let for_ann = Course { user: Some(Arc::clone(&ann)), ..caused };
    messaging.publish(&orders, for_ann, publication("2", None)).await.unwrap();
    let second: Message = bench.bus.stored(TOPIC).remove(1);
    assert_ne!(second.id, first.id);
    assert_eq!((first.author(), second.author().as_ref()), (None, Some(&*ann)));
    assert_eq!(
        (second.extension("causationid"), second.extension("correlationid")),
        (Some(&*first.id), Some(&*first.id))
    );
    let spans = bench.control.trace(of_call.trace);
    let origin = SpanOrigin::Child { parent: of_call.span, remote: false };
    assert_eq!(
        spans.iter().map(|span| (span.kind, &span.origin)).collect::<Vec<_>>(),
        [(SpanKind::Producer, &origin); 2]
    );
    assert_eq!((spans[0].context.span, spans[0].name.as_str()), (of_first.span, "publish shop.orders.created"));
}

#[tokio::test(start_paused = true)]
async fn a_message_says_itself_where_it_began() {
    let bench = Bench::new();
    let messaging = ServiceMessaging::default();
    messaging.attach(&bench.control);
    let of_call = SpanContext::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let own = "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-00";
    let elsewhere = "00-00000000000000000000000000000009-00000000000000bb-01";
    for (trace, said, carried) in [
        // A span of the service itself: the message goes on from it.
        (Some(&of_call), own, (of_call.trace, Some(0xaa), true)),
        // Another trace, in which the message was made.
        (Some(&of_call), elsewhere, (SpanContext::parse(elsewhere.as_bytes()).unwrap().trace, None, true)),
        (Some(&of_call), "nonsense", (of_call.trace, Some(of_call.span.number()), true)),
        // It cannot be told in the course of which call.
        (None, own, (of_call.trace, Some(0xaa), false)),
    ] {
        let deadline = (Instant::now() + Duration::from_secs(5)).into_std();
        let course = Course { call: None, deadline, hops: 0, cause: None, trace: trace.cloned(), user: None };
        let extensions = vec![("traceparent".to_owned(), said.to_owned())];
        let publication = Publication { extensions, ..publication("1", None) };
        messaging.publish(&"orders".parse().unwrap(), course, publication).await.unwrap();
        let message = bench.bus.stored(TOPIC).pop().unwrap();
        let context = SpanContext::of_message(&message).unwrap();
        let spans = bench.control.trace(context.trace);
        let span = spans.iter().find(|span| span.context.span == context.span);
        let parent = span.and_then(|span| Some(span.origin.parent()?.number()));
        let expected = if carried.2 { carried.1 } else { None };
        assert_eq!((context.trace, parent, context.is_sampled()), (carried.0, expected, carried.2), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_hears_of_it_knows_for_whom_it_was_published() {
    let shop = Shop::open(subscription(), &[]).await;
    let messaging = ServiceMessaging::default();
    messaging.attach(&shop.bench.control);
    let deadline = (Instant::now() + Duration::from_secs(5)).into_std();
    for user in [Some(Arc::new(User::new(Proof::Token, "corp", "ann"))), None] {
        let course = Course { call: None, deadline, hops: 0, cause: None, trace: None, user };
        messaging.publish(&"orders".parse().unwrap(), course, publication("order", None)).await.unwrap();
    }
    eventually("both are done", || shop.acknowledged() == 2).await;
    assert_eq!(shop.delivered(), ["order@1 for user:corp/ann", "order@1"]);
}

#[tokio::test(start_paused = true)]
async fn in_a_strict_host_whoever_is_asked_may_answer() {
    let bench = Bench::configured(crate::ControlConfig { strict: true, ..crate::ControlConfig::default() });
    let messaging = ServiceMessaging::default();
    messaging.attach(&bench.control);
    let deadline = (Instant::now() + Duration::from_secs(5)).into_std();
    for (topic, may) in [("_INBOX.0123.1", true), ("other", false)] {
        let course = Course { call: None, deadline, hops: 0, cause: None, trace: None, user: None };
        let publication = Publication { topic: topic.to_owned(), ..Publication::default() };
        let outcome = messaging.publish(&"orders".parse().unwrap(), course, publication).await;
        assert!(matches!((&outcome, may), (Ok(_), true) | (Err(BusError::Denied(_)), false)), "{topic}: {outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_published_is_refused() {
    let mut config = crate::ControlConfig::default();
    let settings =
        patchbay_model::bus::TopicSettings { publishers: Some(vec!["orders".parse().unwrap()]), ..Default::default() };
    config.topics = Topics::new([("shop.>".parse().unwrap(), settings)].into()).unwrap();
    let bench = Bench::configured(config);
    let messaging = ServiceMessaging::default();
    messaging.attach(&bench.control);
    let course = Course {
        call: None,
        deadline: (Instant::now() + Duration::from_secs(5)).into_std(),
        hops: 0,
        cause: None,
        trace: None,
        user: None,
    };
    let to = |topic: &str| Publication { topic: topic.to_owned(), ..Publication::default() };
    let extended = |name: &str| Publication { extensions: vec![(name.to_owned(), "1".to_owned())], ..to("other") };
    let from = |source: &str| Publication { source: Some(source.to_owned()), ..to("other") };
    for (publisher, publication, wanted) in [
        ("orders", to("shop.orders"), "Ok"),
        ("hello", to("shop.orders"), "Denied"),
        ("hello", to("other"), "Ok"),
        ("hello", to("_INBOX.x.1"), "Ok"),
        ("orders", to("dlq.orders"), "Denied"),
        ("orders", to("replay.orders.x"), "Denied"),
        ("orders", to("no topic"), "Invalid"),
        ("orders", to("shop.*"), "Invalid"),
        ("orders", extended("ok1"), "Ok"),
        ("orders", extended("Not-ok"), "Invalid"),
        ("orders", extended("partitionkey"), "Ok"),
        ("orders", extended("data"), "Invalid"),
        ("orders", extended("authid"), "Invalid"),
        ("orders", extended("authclaims"), "Invalid"),
        ("orders", Publication { kind: Some(String::new()), ..to("other") }, "Invalid"),
        ("orders", from("/services/orders/7"), "Ok"),
        ("orders", from("//elsewhere.example"), "Ok"),
        ("orders", from("/services/orders2"), "Denied"),
        ("orders", from("/operator"), "Denied"),
    ] {
        let publisher: ServiceName = publisher.parse().unwrap();
        let topic = publication.topic.clone();
        let outcome = messaging.publish(&publisher, course.clone(), publication).await;
        let name = match &outcome {
            Ok(_) => "Ok",
            Err(BusError::Denied(_)) => "Denied",
            Err(BusError::Invalid(_)) => "Invalid",
            Err(_) => "other",
        };
        assert_eq!(name, wanted, "{publisher} {topic}: {outcome:?}");
    }
}
