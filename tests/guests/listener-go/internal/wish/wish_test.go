package wish

import "testing"

func TestWordsAreRead(t *testing.T) {
	for text, want := range map[string]Wish{
		"":                           {What: "acknowledge"},
		"retry":                      {What: "retry"},
		"publish a.b id-1 some text": {What: "publish", Topic: "a.b", ID: "id-1", Data: "some text"},
		"ask a.b 2 100 what is it":   {What: "ask", Topic: "a.b", Wanted: 2, Ms: 100, Data: "what is it"},
		"answer here it is":          {What: "answer", Data: "here it is"},
	} {
		if got := Read([]byte(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
