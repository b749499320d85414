// The server SDK pusher-http-go: main PORT APP_ID KEY SECRET. Commands come in and answers go out, a line of JSON each
// (../../lib/program.js).
package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"

	"github.com/pusher/pusher-http-go/v5"
)

type command struct {
	Do       string
	Channels []string
	Channel  string
	Event    string
	Data     interface{}
	SocketID string `json:"socket_id"`
	Events   []struct {
		Channel string
		Name    string
		Data    interface{}
	}
	Prefix string
	Info   []string
	Member *struct {
		UserID   string            `json:"user_id"`
		UserInfo map[string]string `json:"user_info"`
	}
	Key       string
	Signature string
	Body      string
}

func run(sdk *pusher.Client, c command) (interface{}, error) {
	switch c.Do {
	case "trigger":
		params := pusher.TriggerParams{}
		if c.SocketID != "" {
			params.SocketID = &c.SocketID
		}
		return sdk.TriggerMultiWithParams(c.Channels, c.Event, c.Data, params)
	case "batch":
		var batch []pusher.Event
		for _, event := range c.Events {
			batch = append(batch, pusher.Event{Channel: event.Channel, Name: event.Name, Data: event.Data})
		}
		return sdk.TriggerBatch(batch)
	case "channels":
		params := pusher.ChannelsParams{FilterByPrefix: &c.Prefix}
		if len(c.Info) > 0 {
			params.Info = &c.Info[0]
		}
		list, err := sdk.Channels(params)
		if err != nil {
			return nil, err
		}
		channels := map[string]map[string]int{}
		for name, item := range list.Channels {
			channels[name] = map[string]int{"user_count": item.UserCount}
		}
		return channels, nil
	case "channel":
		params := pusher.ChannelParams{}
		if len(c.Info) > 0 {
			params.Info = &c.Info[0]
		}
		channel, err := sdk.Channel(c.Channel, params)
		if err != nil {
			return nil, err
		}
		return map[string]interface{}{
			"occupied": channel.Occupied, "user_count": channel.UserCount, "subscription_count": channel.SubscriptionCount,
		}, nil
	case "users":
		users, err := sdk.GetChannelUsers(c.Channel)
		if err != nil {
			return nil, err
		}
		ids := []string{}
		for _, user := range users.List {
			ids = append(ids, user.ID)
		}
		return ids, nil
	case "authorize":
		form := []byte(url.Values{"socket_id": {c.SocketID}, "channel_name": {c.Channel}}.Encode())
		var answer []byte
		var err error
		if c.Member != nil {
			answer, err = sdk.AuthorizePresenceChannel(form, pusher.MemberData{UserID: c.Member.UserID, UserInfo: c.Member.UserInfo})
		} else {
			answer, err = sdk.AuthorizePrivateChannel(form)
		}
		return json.RawMessage(answer), err
	case "webhook":
		header := http.Header{}
		header.Set("X-Pusher-Key", c.Key)
		header.Set("X-Pusher-Signature", c.Signature)
		hook, err := sdk.Webhook(header, []byte(c.Body))
		if err != nil {
			return nil, err
		}
		return map[string]interface{}{"events": hook.Events}, nil
	}
	return nil, nil
}

func main() {
	sdk := &pusher.Client{Host: "127.0.0.1:" + os.Args[1], AppID: os.Args[2], Key: os.Args[3], Secret: os.Args[4]}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var c command
		err := json.Unmarshal(lines.Bytes(), &c)
		var answer interface{}
		if err == nil {
			answer, err = run(sdk, c)
		}
		if err != nil {
			out.Encode(map[string]string{"error": err.Error()})
		} else {
			out.Encode(map[string]interface{}{"answer": answer})
		}
	}
}
