//! `patchbay call`: call a function that a service exports.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::args::CallArgs;
use crate::client::{Client, service_path};
use crate::failure::{Failure, FailureKind};
use crate::screen::Screen;

/// Calls, and prints the result.
///
/// # Errors
/// If the host cannot be reached, there is no such function, the arguments do not fit, or the call fails.
pub(crate) async fn run(args: &CallArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let mut request = Map::new();
    match &args.arguments {
        None => {
            request.insert("call".to_owned(), json!(args.call));
        }
        Some(arguments) => {
            let arguments: Value = serde_json::from_str(arguments)
                .map_err(|error| Failure::new(FailureKind::Usage, format!("--arguments is no JSON: {error}")))?;
            request.insert("function".to_owned(), json!(args.call));
            request.insert("arguments".to_owned(), arguments);
        }
    }
    if let Some(deadline) = &args.deadline {
        request.insert("deadline".to_owned(), json!(deadline));
    }
    let path = format!("{}/call", service_path(&args.name));
    let answer = client.ask(Method::POST, &path, &Value::Object(request)).await?;
    if screen.json {
        return screen.value(answer.get("result").unwrap_or(&Value::Null));
    }
    Ok(screen.line(answer.get("wave").and_then(Value::as_str).unwrap_or_default())?)
}
