// The service as a WASI 0.2 component: hands every HTTP request to the API. `pricing.h` is generated from the WIT; this
// file is compiled for the component only.
#include "pricing.h"

#include <stdlib.h>

#include "api.h"

// Names of the generated bindings, as this file uses them.
typedef exports_wasi_http_incoming_handler_own_incoming_request_t incoming_request;
typedef exports_wasi_http_incoming_handler_own_response_outparam_t response_outparam;

// What the bindings take is theirs to read, but they do not say so.
static uint8_t *bytes_of(text of) {
    return (uint8_t *)(uintptr_t)of.bytes;
}

static method method_of(wasi_http_types_borrow_incoming_request_t request) {
    wasi_http_types_method_t of;
    wasi_http_types_method_incoming_request_method(request, &of);
    bool get = of.tag == WASI_HTTP_TYPES_METHOD_GET || of.tag == WASI_HTTP_TYPES_METHOD_HEAD;
    wasi_http_types_method_free(&of);
    return get ? METHOD_GET : METHOD_OTHER;
}

static void append(wasi_http_types_borrow_fields_t headers, text name, text value) {
    pricing_string_t key = {bytes_of(name), name.length};
    wasi_http_types_field_value_t list = {bytes_of(value), value.length};
    wasi_http_types_header_error_t error;
    if (!wasi_http_types_method_fields_append(headers, &key, &list, &error)) {
        abort(); // The service sets no forbidden header.
    }
}

static wasi_http_types_own_outgoing_response_t response_of(const reply *reply) {
    wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
    wasi_http_types_borrow_fields_t to = wasi_http_types_borrow_fields(headers);
    buffer length = {.length = 0};
    put_number(&length, reply->body.length);
    append(to, TEXT("content-type"), reply->kind);
    append(to, TEXT("content-length"), (text){length.bytes, length.length});
    if (reply->allow.length > 0) {
        append(to, TEXT("allow"), reply->allow);
    }
    wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
    if (!wasi_http_types_method_outgoing_response_set_status_code(wasi_http_types_borrow_outgoing_response(response),
                                                                  reply->status)) {
        abort(); // The service sets valid statuses.
    }
    return response;
}

// Writes until the caller goes away, which is no failure of this service.
static void write_body(wasi_io_streams_own_output_stream_t to, const buffer *body) {
    enum { AT_ONCE = 4096 }; // the most that one call takes
    wasi_io_streams_borrow_output_stream_t stream = wasi_io_streams_borrow_output_stream(to);
    for (size_t written = 0; written < body->length;) {
        size_t left = body->length - written;
        text chunk = {body->bytes + written, left < AT_ONCE ? left : AT_ONCE};
        pricing_list_u8_t list = {bytes_of(chunk), chunk.length};
        wasi_io_streams_stream_error_t error;
        if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(stream, &list, &error)) {
            wasi_io_streams_stream_error_free(&error);
            break;
        }
        written += chunk.length;
    }
    // Before its body is finished: the host insists on it.
    wasi_io_streams_output_stream_drop_own(to);
}

static void send(response_outparam to, const reply *reply) {
    wasi_http_types_own_outgoing_response_t response = response_of(reply);
    wasi_http_types_own_outgoing_body_t body;
    if (!wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body)) {
        abort(); // The body is taken once.
    }
    wasi_http_types_result_own_outgoing_response_error_code_t answer = {.is_err = false, .val.ok = response};
    wasi_http_types_static_response_outparam_set(to, &answer);
    wasi_io_streams_own_output_stream_t stream;
    if (!wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream)) {
        abort(); // The stream is taken once.
    }
    write_body(stream, &reply->body);
    wasi_http_types_error_code_t error;
    if (!wasi_http_types_static_outgoing_body_finish(body, NULL, &error)) {
        wasi_http_types_error_code_free(&error);
    }
}

// What the host calls for every request.
void exports_wasi_http_incoming_handler_handle(incoming_request request, response_outparam to) {
    wasi_http_types_borrow_incoming_request_t incoming = wasi_http_types_borrow_incoming_request(request);
    pricing_string_t target = {NULL, 0};
    bool told = wasi_http_types_method_incoming_request_path_with_query(incoming, &target);
    reply reply;
    answer(method_of(incoming), (text){(const char *)target.ptr, target.len}, &reply);
    send(to, &reply);
    if (told) {
        pricing_string_free(&target);
    }
    wasi_http_types_incoming_request_drop_own(request);
}
