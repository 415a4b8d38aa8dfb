//! Calls of exported functions by operators, with their values as JSON or in WAVE.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use patchbay_contract::{Contract, Function, packed};
use patchbay_control::{FindError, TypedPayload};
use patchbay_model::{CallId, Fault, FunctionName, ServiceName, units};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::AdminState;
use super::json::JsonBody;
use super::path::OfService;
use super::rejection::Rejection;
use crate::problem::{Problem, entry_of};

/// A call of a function. Either `call`, or `function` with `arguments`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FunctionCall {
    /// The whole call in WAVE. The interface may be left out where only one has such a function.
    #[schema(example = "shop:inventory/stock.reserve({sku: \"tea\", qty: 2})")]
    call: Option<String>,
    /// The function.
    #[schema(example = "shop:inventory/stock.reserve")]
    function: Option<String>,
    /// Its arguments: an object by their names, or an array by their positions.
    arguments: Option<Value>,
    /// How long to wait for the result, if not as long as the service allows.
    #[schema(example = "2s")]
    deadline: Option<String>,
}

/// What a function returned.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FunctionResult {
    /// The call, as logs name it.
    #[schema(example = "00000000000000a7")]
    call: String,
    /// The function that was called, in full.
    #[schema(example = "shop:inventory/stock@0.1.0.reserve")]
    function: String,
    /// The result as JSON; `null` if the function has none.
    result: Value,
    /// The result in WAVE; empty if the function has none.
    #[schema(example = "ok(3)")]
    wave: String,
}

/// Calls a function that a service exports.
///
/// The call takes the way of every call: it has a deadline, waits for a place, and is told in the log.
#[utoipa::path(
    post, operation_id = "callFunction", path = "/v1/services/{name}/call", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = FunctionCall,
    responses(
        (status = 200, description = "What it returned", body = FunctionResult),
        (status = 400, description = "The request or the arguments are wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such service or function", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The service broke off", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The service is busy or cannot serve", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The deadline passed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn call(
    State(state): State<AdminState>,
    OfService(service): OfService,
    JsonBody(request): JsonBody<FunctionCall>,
) -> Result<Json<FunctionResult>, Rejection> {
    let contract = contract_of(&state, &service)?;
    let deadline = request.deadline.as_deref().map(units::parse_duration).transpose();
    let deadline: Option<Duration> = deadline.map_err(|error| Rejection::invalid(format!("`deadline`: {error}")))?;
    let (name, function, arguments) = prepare(&service, &contract, &request)?;
    let (id, name) = (state.control.new_call(), Arc::new(name));
    let payload = TypedPayload::new(&name, arguments.into());
    let result = state.control.call_function(&service, id, deadline, payload).await;
    let result = result.map_err(|fault| failed(&fault, id))?;
    let unreadable = |error: packed::PackedError| {
        Rejection::from(Problem::new(
            StatusCode::BAD_GATEWAY,
            "urn:patchbay:admin:call-failed",
            "Call failed",
            format!("the service was swapped during the call, and its result has another type now: {error}"),
        ))
    };
    Ok(Json(FunctionResult {
        call: id.to_string(),
        function: name.to_string(),
        wave: packed::result_to_wave(function, &result).map_err(unreadable)?,
        result: packed::result_to_json(function, &result).map_err(unreadable)?,
    }))
}

/// The contract of the revision that serves.
fn contract_of(state: &AdminState, name: &ServiceName) -> Result<Contract, Rejection> {
    let service = state.control.service(name).ok_or_else(|| Rejection::no_service(name))?;
    let active = service.revisions.into_iter().find(|revision| revision.active).and_then(|revision| revision.compiled);
    active.map(|compiled| compiled.contract).ok_or_else(|| {
        let why = service.failure.unwrap_or_default();
        let fault = Fault::new(patchbay_model::FaultKind::Unavailable, format!("`{name}` cannot serve: {why}"));
        failed(&fault, CallId::new(0))
    })
}

/// The function that is asked for, and its arguments, packed.
fn prepare<'c>(
    service: &ServiceName,
    contract: &'c Contract,
    request: &FunctionCall,
) -> Result<(FunctionName, &'c Function, Vec<u8>), Rejection> {
    let invalid = |error: packed::PackedError| Rejection::invalid(error.to_string());
    match (&request.call, &request.function) {
        (Some(call), None) if request.arguments.is_none() => {
            let (name, arguments) = call.split_at(call.find('(').unwrap_or(call.len()));
            let (full, function) = find(service, contract, name.trim())?;
            let call = format!("{}{}", function.name, if arguments.is_empty() { "()" } else { arguments });
            Ok((full, function, packed::call_from_wave(function, &call).map_err(invalid)?))
        }
        (None, Some(name)) => {
            let (full, function) = find(service, contract, name)?;
            let none = Value::Array(Vec::new());
            let arguments = request.arguments.as_ref().unwrap_or(&none);
            Ok((full, function, packed::arguments_from_json(function, arguments).map_err(invalid)?))
        }
        _ => Err(Rejection::invalid("give either `call`, in WAVE, or `function` with `arguments`, in JSON")),
    }
}

/// The exported function of this name.
fn find<'c>(
    service: &ServiceName,
    contract: &'c Contract,
    wanted: &str,
) -> Result<(FunctionName, &'c Function), Rejection> {
    patchbay_control::find(contract, wanted).map_err(|error| match &error {
        FindError::Unknown { .. } => Rejection::not_found(format!("`{service}`: {error}")),
        FindError::Ambiguous { .. } | FindError::Uncallable(_) => Rejection::invalid(error.to_string()),
    })
}

/// A call that ended in a fault. An operator may read all of it.
fn failed(fault: &Fault, id: CallId) -> Rejection {
    let status = StatusCode::from_u16(entry_of(fault.kind()).status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let detail = format!("the call {id} ended in a fault: {fault}");
    Problem::new(status, "urn:patchbay:admin:call-failed", "Call failed", detail).into()
}
