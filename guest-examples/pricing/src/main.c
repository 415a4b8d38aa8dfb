// The service as a component: hands every HTTP request to the API, and tells other services what things cost.
// `pricing.h` is generated from the WIT; this file is compiled for the component only.
#include "pricing.h"

#include <stdlib.h>

#include "api.h"
#include "price.h"

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

// Text that the bindings take and free.
static pricing_string_t owned(text of) {
    pricing_string_t copy;
    char *bytes = malloc(of.length);
    if (bytes == NULL && of.length > 0) {
        abort();
    }
    for (size_t i = 0; i < of.length; i++) {
        bytes[i] = of.bytes[i];
    }
    copy.ptr = (uint8_t *)bytes;
    copy.len = of.length;
    return copy;
}

static text given(const pricing_string_t *of) {
    return (text){(const char *)of->ptr, of->len};
}

// The cost of one line; false if the refusal says why it has none.
static bool cost_of(const exports_shop_pricing_prices_line_t *line, const currency *in, uint64_t *cost,
                    exports_shop_pricing_prices_refusal_t *refusal) {
    size_t place = product_find(given(&line->sku));
    if (place == PRODUCTS) {
        refusal->tag = EXPORTS_SHOP_PRICING_PRICES_REFUSAL_UNKNOWN_PRODUCT;
        refusal->val.unknown_product = owned(given(&line->sku));
        return false;
    }
    if (line->quantity == 0 || line->quantity > QUANTITY_MOST) {
        refusal->tag = EXPORTS_SHOP_PRICING_PRICES_REFUSAL_OUT_OF_RANGE;
        refusal->val.out_of_range = QUANTITY_MOST;
        return false;
    }
    *cost = amount(&price_list[place], line->quantity, in);
    return true;
}

static bool quote_lines(const exports_shop_pricing_prices_list_line_t *lines, const currency *in,
                        exports_shop_pricing_prices_quote_t *quote, exports_shop_pricing_prices_refusal_t *refusal) {
    enum { LINES_MOST = 1000 };
    if (lines->len == 0 || lines->len > LINES_MOST) {
        refusal->tag = EXPORTS_SHOP_PRICING_PRICES_REFUSAL_WRONG_SIZE;
        refusal->val.wrong_size = LINES_MOST;
        return false;
    }
    uint64_t *amounts = calloc(lines->len, sizeof *amounts);
    if (amounts == NULL) {
        abort();
    }
    quote->total = 0;
    quote->decimals = (uint8_t)in->decimals;
    quote->amounts.ptr = amounts;
    quote->amounts.len = lines->len;
    for (size_t i = 0; i < lines->len; i++) {
        if (!cost_of(&lines->ptr[i], in, &amounts[i], refusal)) {
            free(amounts);
            return false;
        }
        quote->total += amounts[i];
    }
    return true;
}

// What other services call. What is given is this function's to free.
bool exports_shop_pricing_prices_quote_for(exports_shop_pricing_prices_list_line_t *lines, pricing_string_t *code,
                                           exports_shop_pricing_prices_quote_t *quote,
                                           exports_shop_pricing_prices_refusal_t *refusal) {
    const currency *in = currency_find(given(code));
    bool quoted = false;
    if (in == NULL) {
        refusal->tag = EXPORTS_SHOP_PRICING_PRICES_REFUSAL_UNKNOWN_CURRENCY;
        refusal->val.unknown_currency = owned(given(code));
    } else {
        quoted = quote_lines(lines, in, quote, refusal);
    }
    exports_shop_pricing_prices_list_line_free(lines);
    pricing_string_free(code);
    return quoted;
}
