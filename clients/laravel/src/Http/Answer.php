<?php

namespace Parley\Laravel\Http;

// What came back of one request.

final class Answer
{
    public int $status;

    /** @var array<string, string> names in lower case */
    public array $headers;

    public string $body;

    public function __construct(int $status, array $headers, string $body)
    {
        $this->status = $status;
        $this->headers = $headers;
        $this->body = $body;
    }

    public function ok(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** The JSON object in the body, or null. */
    public function json(): ?array
    {
        $decoded = Json::decode($this->body, 512, JSON_BIGINT_AS_STRING);

        return is_array($decoded) ? $decoded : null;
    }

    /** Every refusal of Parley says its name and what to do; nothing else on the web answers so. */
    public function isParleyError(): bool
    {
        $json = $this->json();

        return is_string($json['error'] ?? null) && is_string($json['message'] ?? null) && array_key_exists('remedy', $json);
    }
}
