//! Secrets: only `runtime.toml` grants them, and a revision gets those that it grants, by reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use patchbay_model::ports::OpenSecret;
use patchbay_model::{RevisionId, ServiceName, Settings};

use crate::change::{ChangeError, ChangeErrorKind};
use crate::control::Control;

fn refused(message: String) -> ChangeError {
    ChangeError::new(ChangeErrorKind::Refused, message)
}

impl Control {
    /// Opens the secrets that settings name.
    ///
    /// # Errors
    /// If one of them cannot be had.
    pub(crate) async fn open_secrets(
        &self,
        settings: &Settings,
    ) -> Result<BTreeMap<String, Arc<dyn OpenSecret>>, ChangeError> {
        let mut secrets = BTreeMap::new();
        for (name, reference) in &settings.secrets {
            let opened = self.ports.secrets.open(reference).await;
            let opened = opened.map_err(|error| refused(format!("its secret `{name}`: {error}")))?;
            secrets.insert(name.clone(), opened);
        }
        Ok(secrets)
    }

    /// Refuses settings with a secret that `runtime.toml` does not grant to the service now.
    pub(crate) fn check_grants(&self, service: &ServiceName, settings: &Settings) -> Result<(), ChangeError> {
        let declared = self.declared_service(service);
        let granted = |name: &String| declared.as_ref()?.settings.secrets.get(name);
        match settings.secrets.iter().find(|(name, reference)| granted(name) != Some(reference)) {
            Some((name, reference)) => Err(refused(format!(
                "its secret `{name}` is {reference}, which is not granted to it: `[services.{service}.secrets]` of \
                 runtime.toml says what is, and nothing else does"
            ))),
            None => Ok(()),
        }
    }

    /// The same for a retained revision: what the file does not grant any more does not come back with it.
    pub(crate) fn check_grants_of(&self, id: &RevisionId) -> Result<(), ChangeError> {
        self.record_of(id).map_or(Ok(()), |record| self.check_grants(&id.service, &record.settings))
    }
}

#[cfg(test)]
mod tests {
    use patchbay_model::{Origin, SecretRef};

    use crate::change::Step;
    use crate::fakes::Bench;
    use crate::{DeclaredService, DeployRequest, Places, ReloadRequest};

    use super::*;

    fn reference(path: &str) -> SecretRef {
        SecretRef::File(path.into())
    }

    fn with_secret(mut request: DeployRequest, name: &str, path: &str) -> DeployRequest {
        request.settings.secrets = [(name.to_owned(), reference(path))].into();
        request
    }

    impl Bench {
        fn granting(&self, version: &str, path: Option<&str>) -> DeclaredService {
            let request = self.request("orders", "a", &[("version", version), ("tells", "key")]);
            let request = match path {
                Some(path) => with_secret(request, "key", path),
                None => request,
            };
            DeclaredService {
                name: request.service,
                component: patchbay_model::ports::StoredComponent { digest: request.component, size: 1 },
                settings: request.settings,
                routes: vec!["/*".parse::<patchbay_model::Route>().unwrap().into()],
                places: Places::default(),
            }
        }

        async fn reload_granting(&self, version: &str, path: Option<&str>) -> Result<(), String> {
            let services = vec![self.granting(version, path)];
            let request = ReloadRequest { config: crate::ControlConfig::default(), services };
            let prepared = self.control.prepare_reload(request).await.map_err(|error| error.to_string())?;
            self.control.publish_reload(prepared).await.map(drop).map_err(|error| error.to_string())
        }

        async fn told(&self) -> String {
            use http_body_util::BodyExt;
            let routing = self.control.route(None, "/", &http::Method::GET).unwrap();
            let request = http::Request::get("/").body(patchbay_model::empty_body()).unwrap();
            let reply = crate::fakes::call(&self.control, routing, request).await.unwrap();
            String::from_utf8(reply.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_gets_what_the_file_grants_and_sees_it_change() {
        let bench = Bench::new();
        bench.secrets.put(&reference("a"), "one");
        bench.control.start(vec![bench.granting("1", Some("a"))], |_, _| {}).await.unwrap();
        assert_eq!(bench.told().await, "one");
        bench.secrets.put(&reference("a"), "two");
        assert_eq!(bench.told().await, "two", "and no revision was deployed");
        let saved = serde_json::to_string(&bench.registry.saved()).unwrap();
        assert!(saved.contains(r#"{"key":{"file":"a"}}"#) && !saved.contains("two"), "{saved}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_is_missing_fails_the_deployment() {
        let bench = Bench::new();
        bench.control.start(vec![bench.granting("1", None)], |_, _| {}).await.unwrap();
        let error = bench.reload_granting("2", Some("lost")).await.unwrap_err();
        assert_eq!(
            error,
            "`orders`: at step `inspect`: its secret `key`: secret(file:lost) cannot be used: there is none"
        );
        assert_eq!(bench.told().await, "1");
        // At a start, the others come up.
        let bench = Bench::new();
        bench.control.start(vec![bench.granting("1", Some("lost"))], |_, _| {}).await.unwrap();
        let failures = bench.control.failures();
        assert!(failures[0].1.contains("secret(file:lost) cannot be used"), "{failures:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_file_grants() {
        let bench = Bench::new();
        for path in ["a", "b"] {
            bench.secrets.put(&reference(path), path);
        }
        bench.control.start(vec![bench.granting("1", Some("a"))], |_, _| {}).await.unwrap();
        let request = |service: &str, name: &str, path: &str| {
            let request = bench.request(service, "a", &[("version", "api")]);
            with_secret(DeployRequest { origin: Origin::Api, ..request }, name, path)
        };
        for (service, name, path, may) in [
            ("orders", "key", "a", true),
            ("orders", "key", "b", false),
            ("orders", "other", "a", false),
            ("other", "key", "a", false),
        ] {
            let outcome = bench.control.deploy(request(service, name, path)).finished().await;
            assert_eq!(outcome.is_ok(), may, "{service} {name} {path}: {outcome:?}");
            if let Err(error) = outcome {
                assert_eq!((error.kind, error.step), (ChangeErrorKind::Refused, Some(Step::Inspect)));
                assert!(error.message.contains("not granted"), "{error}");
            }
        }
        // What is taken away does not come back with an older revision.
        bench.reload_granting("2", None).await.unwrap();
        let error = bench.control.rollback(&"orders".parse().unwrap()).finished().await.unwrap_err();
        assert!(error.message.contains("not granted"), "{error}");
        bench.reload_granting("3", Some("a")).await.unwrap();
        bench
            .control
            .activate(&"orders".parse().unwrap(), "orders@2".parse::<RevisionId>().unwrap().number)
            .finished()
            .await
            .unwrap();
    }
}
