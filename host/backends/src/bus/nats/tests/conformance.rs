//! The bus over NATS does what every bus has to do.

use std::sync::Mutex;

use patchbay_model::ports::BoxFuture;

use super::*;
use crate::bus::AuthorKey;
use crate::bus::conformance::Medium;

/// A server with nothing on it, and the hosts that were connected to it.
struct Broker {
    server: Mutex<NatsServer>,
    opened: Mutex<Vec<Arc<NatsBus>>>,
}

impl Broker {
    fn new() -> Self {
        Self { server: Mutex::new(NatsServer::start("max_payload: 8MB")), opened: Mutex::default() }
    }
}

impl Broker {
    /// A host of this name.
    async fn host(&self, name: &str, topics: Topics) -> Arc<NatsBus> {
        let author_key = Some(AuthorKey::new(b"what the hosts of this NATS share").unwrap());
        let settings = settings(&self.server.lock().unwrap());
        let settings = NatsSettings { host: name.to_owned(), max_message: 4 << 20, author_key, ..settings };
        Arc::new(open(settings, topics).await)
    }
}

impl Medium for Broker {
    fn open(&self, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async move {
            let bus = self.host("one", topics).await;
            self.opened.lock().unwrap().push(Arc::clone(&bus));
            bus as Arc<dyn Bus>
        })
    }

    fn beside(&self, topics: Topics) -> BoxFuture<'_, Option<Arc<dyn Bus>>> {
        Box::pin(async move { Some(self.host("other", topics).await as Arc<dyn Bus>) })
    }

    fn crash(&self, bus: Arc<dyn Bus>, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async move {
            drop(bus);
            let last = self.opened.lock().unwrap().pop().unwrap();
            last.cut_off().await;
            self.open(topics).await
        })
    }

    fn misses_hosts_late(&self) -> bool {
        true
    }

    fn shake(&self, _bus: &Arc<dyn Bus>) -> BoxFuture<'_, ()> {
        let last = Arc::clone(self.opened.lock().unwrap().last().unwrap());
        let before = last.link.condition.watch().borrow().number;
        self.server.lock().unwrap().restart();
        Box::pin(async move {
            let mut watch = last.link.condition.watch();
            let again = watch.wait_for(|connection| connection.up && connection.number > before);
            assert!(tokio::time::timeout(SOON, again).await.unwrap().is_ok());
        })
    }

    fn tells_watchers_apart(&self) -> bool {
        false
    }

    fn pass(&self, time: Duration) -> BoxFuture<'_, ()> {
        // The server has a clock of its own.
        Box::pin(tokio::time::sleep(time))
    }
}

crate::bus_conformance!(Broker::new());
