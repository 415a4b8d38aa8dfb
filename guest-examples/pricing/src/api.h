// The HTTP interface of the service: which request gets which reply. It knows nothing of WASI, so it runs and is tested
// on any machine.
#pragma once

#include "text.h"

// The methods that this service tells apart. HEAD is a GET whose body the host leaves out.
typedef enum { METHOD_GET, METHOD_OTHER } method;

typedef struct {
    uint16_t status;
    text kind;  // the content type
    text allow; // the methods of the path, if the request had another; or empty
    buffer body;
} reply;

// Answers a request. `target` is the path, and the query where there is one.
void answer(method method, text target, reply *to);
