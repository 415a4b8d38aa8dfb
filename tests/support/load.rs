//! Load: clients that call without pause, until they are stopped.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::Client;
use tokio::task::JoinHandle;

use super::PATIENCE;

/// What came back.
pub(crate) struct Outcome<T> {
    pub(crate) answers: Vec<T>,
    /// Why a call had no answer, or a wrong one.
    pub(crate) lost: Vec<String>,
}

/// Clients that call without pause and keep what comes back.
pub(crate) struct Load<T> {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Outcome<T>>>,
}

impl<T: Send + 'static> Load<T> {
    /// As many clients, of two kinds: HTTP/1.1 with kept-alive connections, and HTTP/2 with many requests on one.
    pub(crate) fn start<F>(n_clients: usize, call: impl Fn(Client) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Result<T, String>> + Send,
    {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let h1 = Client::builder().timeout(PATIENCE).http1_only().build().unwrap();
        let h2 = Client::builder().timeout(PATIENCE).http2_prior_knowledge().build().unwrap();
        let clients = (0..n_clients).map(|number| {
            let client = if number % 2 == 0 { h1.clone() } else { h2.clone() };
            let (stop, answered, call) = (Arc::clone(&stop), Arc::clone(&answered), call.clone());
            tokio::spawn(async move {
                let mut outcome = Outcome { answers: Vec::new(), lost: Vec::new() };
                while !stop.load(Ordering::Relaxed) {
                    match call(client.clone()).await {
                        Ok(answer) => {
                            outcome.answers.push(answer);
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => outcome.lost.push(error),
                    }
                }
                outcome
            })
        });
        Self { clients: clients.collect(), stop, answered }
    }

    /// How many calls had the right answer so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops the clients; what came back.
    pub(crate) async fn stop(self) -> Outcome<T> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Outcome { answers: Vec::new(), lost: Vec::new() };
        for client in self.clients {
            let outcome = client.await.unwrap();
            all.answers.extend(outcome.answers);
            all.lost.extend(outcome.lost);
        }
        all
    }
}
