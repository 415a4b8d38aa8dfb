// Package export_wasi_http_incoming_handler is the service as a WASI 0.2 component: it hands every HTTP request to the
// API. Its name is the one by which the generated bindings look for it; the packages of WASI that it imports are
// generated too, so it builds in the component only.
package export_wasi_http_incoming_handler

import (
	"strconv"

	wit "go.bytecodealliance.org/pkg/wit/types"

	"wit_component/internal/api"
	"wit_component/internal/warehouse"
	http "wit_component/wasi_http_types"
	streams "wit_component/wasi_io_streams"
)

var service = api.API{Stock: warehouse.Stock}

// Handle is what the host calls for every request.
func Handle(request *http.IncomingRequest, answer *http.ResponseOutparam) {
	defer request.Drop()
	send(answer, service.Answer(api.Request{
		Method: method(request.Method()),
		Target: request.PathWithQuery().SomeOr("/"),
		Body:   read(request),
	}))
}

func method(method http.Method) string {
	switch method.Tag() {
	case http.Method_Get:
		return "GET"
	case http.Method_Head:
		return "HEAD"
	case http.Method_Post:
		return "POST"
	case http.Method_Delete:
		return "DELETE"
	}
	return "another"
}

// read gives the whole body, or one byte more than the API takes, or what there is of a body that breaks off: the API
// finds that it is no whole JSON.
func read(request *http.IncomingRequest) []byte {
	incoming := request.Consume().Ok()
	defer incoming.Drop()
	stream := incoming.Stream().Ok()
	defer stream.Drop()
	var body []byte
	for len(body) <= api.BodyLimit {
		chunk := stream.BlockingRead(uint64(api.BodyLimit + 1 - len(body)))
		if chunk.IsErr() {
			break
		}
		body = append(body, chunk.Ok()...)
	}
	return body
}

func send(answer *http.ResponseOutparam, reply api.Reply) {
	headers := http.MakeFields()
	for _, header := range reply.Headers {
		headers.Append(header.Name, []byte(header.Value)).Ok()
	}
	if reply.Status != 204 {
		headers.Append("content-length", []byte(strconv.Itoa(len(reply.Body)))).Ok()
	}
	response := http.MakeOutgoingResponse(headers)
	response.SetStatusCode(uint16(reply.Status)).Ok()
	body := response.Body().Ok()
	http.ResponseOutparamSet(answer, wit.Ok[*http.OutgoingResponse, http.ErrorCode](response))
	write(body.Write().Ok(), reply.Body)
	// A caller that went away, or that wanted the head only, is no failure of this service.
	http.OutgoingBodyFinish(body, wit.None[*http.Fields]())
}

// write writes until the caller goes away. The stream is dropped before its body is finished: the host insists on it.
func write(stream *streams.OutputStream, content []byte) {
	defer stream.Drop()
	const atOnce = 4096 // the most that one call takes
	for len(content) > 0 {
		chunk := content[:min(atOnce, len(content))]
		if stream.BlockingWriteAndFlush(chunk).IsErr() {
			return
		}
		content = content[len(chunk):]
	}
}
