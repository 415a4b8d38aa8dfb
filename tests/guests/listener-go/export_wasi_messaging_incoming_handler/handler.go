// Package export_wasi_messaging_incoming_handler is a service that handles messages with the draft of WASI. It does with
// them what they say. Its name is the one by which the generated bindings look for it.
package export_wasi_messaging_incoming_handler

import (
	"fmt"
	"strings"

	wit "go.bytecodealliance.org/pkg/wit/types"

	"wit_component/internal/wish"
	producer "wit_component/wasi_messaging_producer"
	requests "wit_component/wasi_messaging_request_reply"
	types "wit_component/wasi_messaging_types"
)

// Handle is what the host calls for every message.
func Handle(message *types.Message) wit.Result[wit.Unit, types.Error] {
	defer message.Drop()
	note(id(message))
	wanted := wish.Read(message.Data())
	switch wanted.What {
	case "retry":
		return wit.Err[wit.Unit](types.MakeErrorOther("as it was asked to"))
	case "trap":
		panic("as it was asked to")
	case "publish":
		client := connect()
		defer client.Drop()
		outcome(producer.Send(client, wanted.Topic, publication(wanted.Data, wanted.ID)), "")
	case "ask":
		ask(wanted)
	case "answer":
		outcome(requests.Reply(message, publication(wanted.Data, "")), "")
	}
	return wit.Ok[wit.Unit, types.Error](wit.Unit{})
}

func ask(wanted wish.Wish) {
	options := requests.MakeRequestOptions()
	options.SetTimeoutMs(wanted.Ms)
	options.SetExpectedReplies(wanted.Wanted)
	client := connect()
	defer client.Drop()
	question := publication(wanted.Data, "")
	defer question.Drop()
	asked := requests.Request(client, wanted.Topic, question, wit.Some(options))
	var answers []string
	if asked.IsOk() {
		for _, answer := range asked.Ok() {
			answers = append(answers, string(answer.Data()))
			answer.Drop()
		}
	}
	outcome(asked, strings.Join(answers, ", "))
}

func connect() *types.Client {
	return types.ClientConnect("default").Ok()
}

func publication(data string, id string) *types.Message {
	message := types.MakeMessage([]byte(data))
	message.SetContentType("text/plain")
	message.AddMetadata("ce-type", "Told")
	message.AddMetadata("h", "1")
	if id != "" {
		message.AddMetadata("ce-id", id)
	}
	return message
}

func id(message *types.Message) string {
	for _, pair := range message.Metadata().SomeOr(nil) {
		if pair.F0 == "ce-id" {
			return pair.F1
		}
	}
	return "no id"
}

// outcome notes what came of something that may fail.
func outcome[T any](result wit.Result[T, types.Error], text string) {
	if result.IsOk() {
		note("ok " + text)
		return
	}
	failure := result.Err()
	switch failure.Tag() {
	case types.Error_Timeout:
		note("timeout")
	case types.Error_Connection:
		note("connection " + failure.Connection())
	case types.Error_PermissionDenied:
		note("permission-denied " + failure.PermissionDenied())
	default:
		note(fmt.Sprint("other ", failure.Other()))
	}
}

func note(line string) {
	wish.Notes = append(wish.Notes, line)
}
