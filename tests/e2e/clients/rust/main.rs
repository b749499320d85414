// The client rust_socketio: client PORT TRANSPORT EVENTS…. Commands come in and happenings go out, a line of JSON each
// (../../lib/program.js).
use std::io::{BufRead, Write};
use std::sync::mpsc;
use std::time::Duration;

use rust_socketio::client::Client;
use rust_socketio::{ClientBuilder, Payload, TransportType};
use serde_json::{Value, json};

fn say(said: Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{said}").and_then(|()| out.flush()).expect("somebody reads");
}

fn arguments(payload: Payload) -> Value {
    match payload {
        Payload::Text(values) => Value::Array(values),
        Payload::Binary(bytes) => json!([bytes.len()]),
        #[allow(deprecated)]
        Payload::String(text) => json!([text]),
    }
}

fn connect(port: &str, transport: &str, events: &[String]) -> Result<Client, rust_socketio::Error> {
    let kind = match transport {
        "polling" => TransportType::Polling,
        "websocket" => TransportType::Websocket,
        _ => TransportType::Any,
    };
    let mut builder = ClientBuilder::new(format!("http://127.0.0.1:{port}"))
        .transport_type(kind)
        .reconnect(true)
        .reconnect_on_disconnect(true)
        .reconnect_delay(50, 200)
        .on("connect", |_, _| say(json!({"what": "connected"})))
        .on("close", |_, _| say(json!({"what": "disconnected"})));
    for event in events {
        let name = event.clone();
        builder = builder.on(event.as_str(), move |payload, _| {
            say(json!({"what": "heard", "event": name, "arguments": arguments(payload)}));
        });
    }
    builder.connect()
}

fn call(client: &Client, event: &str, data: Value) -> Result<Value, String> {
    let (sender, answer) = mpsc::channel();
    client
        .emit_with_ack(event, data, Duration::from_secs(30), move |payload, _| {
            let _ = sender.send(arguments(payload));
        })
        .map_err(|failure| failure.to_string())?;
    answer.recv_timeout(Duration::from_secs(30)).map_err(|failure| failure.to_string())
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let mut client: Option<Client> = None;
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let event = command["event"].as_str().unwrap_or_default();
        let data = command["data"].clone();
        let outcome = match (command["do"].as_str(), &client) {
            (Some("connect"), _) => connect(&given[0], &given[1], &given[2..])
                .map(|connected| client = Some(connected))
                .map(|()| Value::Bool(true))
                .map_err(|failure| failure.to_string()),
            (Some("emit"), Some(client)) => client.emit(event, data).map(|()| Value::Bool(true)).map_err(|failure| failure.to_string()),
            (Some("call"), Some(client)) => call(client, event, data),
            _ => Err(format!("no such command: {command}")),
        };
        say(match outcome {
            Ok(answer) => json!({"answer": answer}),
            Err(error) => json!({"error": error}),
        });
    }
}
