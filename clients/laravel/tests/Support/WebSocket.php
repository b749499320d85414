<?php

namespace Parley\Laravel\Tests\Support;

use RuntimeException;

// A WebSocket client that speaks Pusher's protocol: as little of both as a test needs, on a real socket.

final class WebSocket
{
    public string $socketId;

    /** @var resource */
    private $stream;

    private string $buffer = '';

    /** Frames that came and nobody asked for yet. */
    private array $inbox = [];

    public function __construct(int $port, string $path = '/app/'.ParleyServer::KEY.'?protocol=7', array $headers = [])
    {
        $this->stream = stream_socket_client("tcp://127.0.0.1:{$port}", $code, $error, Wait::SECONDS);
        if ($this->stream === false) {
            throw new RuntimeException($error);
        }
        fwrite($this->stream, "GET {$path} HTTP/1.1\r\nHost: 127.0.0.1:{$port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".
            'Sec-WebSocket-Key: '.base64_encode(random_bytes(16))."\r\nSec-WebSocket-Version: 13\r\n".
            implode('', array_map(fn ($header) => "{$header}\r\n", $headers))."\r\n");
        while (($end = strpos($this->buffer, "\r\n\r\n")) === false) {
            $this->receive(microtime(true) + Wait::SECONDS, 'the answer to the upgrade');
        }
        if (! str_starts_with($this->buffer, 'HTTP/1.1 101')) {
            throw new RuntimeException("no upgrade: {$this->buffer}");
        }
        $this->buffer = substr($this->buffer, $end + 4);
        $this->socketId = json_decode($this->waitFor('pusher:connection_established')['data'], true)['socket_id'];
    }

    public function send(string $event, array $data, ?string $channel = null): void
    {
        $this->sendText(json_encode(['event' => $event, 'data' => $data] + ($channel === null ? [] : ['channel' => $channel])));
    }

    /** For what json_encode() does not write. */
    public function sendText(string $text): void
    {
        $mask = random_bytes(4);
        $length = strlen($text) < 126 ? chr(0x80 | strlen($text)) : chr(0x80 | 126).pack('n', strlen($text));
        fwrite($this->stream, "\x81".$length.$mask.($text ^ str_pad('', strlen($text), $mask)));
    }

    /** Subscribes with what the application answered, and returns what the server says about the channel. */
    public function subscribe(string $channel, array $proof = []): array
    {
        $this->send('pusher:subscribe', ['channel' => $channel] + $proof);

        return json_decode($this->waitFor('pusher_internal:subscription_succeeded', $channel)['data'], true) ?? [];
    }

    /** The next frame of this event, also one that came before. */
    public function waitFor(string $event, ?string $channel = null): array
    {
        $deadline = microtime(true) + Wait::SECONDS;
        for (;;) {
            foreach ($this->inbox as $at => $frame) {
                if ($frame['event'] === $event && ($channel === null || ($frame['channel'] ?? null) === $channel)) {
                    unset($this->inbox[$at]);

                    return $frame;
                }
            }
            while (($frame = $this->frame()) === null) {
                $this->receive($deadline, "{$event}; there is ".json_encode(array_values($this->inbox)));
            }
            $this->inbox[] = $frame;
            if ($frame['event'] === 'closed' && $event !== 'closed') {
                throw new RuntimeException("closed before {$event}; there is ".json_encode(array_values($this->inbox)));
            }
        }
    }

    /** Everything of this event that came before the answer to a ping that is sent now. */
    public function allUntilNow(string $event): array
    {
        $this->send('pusher:ping', []);
        $this->waitFor('pusher:pong');

        return array_values(array_filter($this->inbox, fn ($frame) => $frame['event'] === $event));
    }

    public function close(): void
    {
        if (is_resource($this->stream)) {
            fclose($this->stream);
        }
    }

    private function frame(): ?array
    {
        for (;;) {
            if (strlen($this->buffer) < 2) {
                return null;
            }
            $opcode = ord($this->buffer[0]) & 0x0F;
            $length = ord($this->buffer[1]) & 0x7F;
            $head = 2;
            if ($length >= 126) {
                $head = $length === 126 ? 4 : 10;
                if (strlen($this->buffer) < $head) {
                    return null;
                }
                $length = $length === 126 ? unpack('n', substr($this->buffer, 2, 2))[1] : unpack('J', substr($this->buffer, 2, 8))[1];
            }
            if (strlen($this->buffer) < $head + $length) {
                return null;
            }
            $payload = substr($this->buffer, $head, $length);
            $this->buffer = substr($this->buffer, $head + $length);
            if ($opcode === 1) {
                return json_decode($payload, true, 512, JSON_THROW_ON_ERROR);
            }
            if ($opcode === 8) {
                return ['event' => 'closed', 'code' => unpack('n', $payload)[1]];
            }
        }
    }

    private function receive(float $deadline, string $what): void
    {
        $read = [$this->stream];
        $none = null;
        $left = max(0.0, $deadline - microtime(true));
        if (stream_select($read, $none, $none, (int) $left, (int) (fmod($left, 1) * 1e6)) === 0) {
            throw new RuntimeException("waited for {$what}");
        }
        $part = fread($this->stream, 65536);
        if ($part === '' || $part === false) {
            throw new RuntimeException("the connection ended before {$what}");
        }
        $this->buffer .= $part;
    }
}
