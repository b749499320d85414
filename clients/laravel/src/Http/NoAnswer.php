<?php

namespace Parley\Laravel\Http;

use RuntimeException;

// No answer came. Whether the server has seen the request is not known.

final class NoAnswer extends RuntimeException
{
    /** Repeating makes no sense: the answer is too large, or the address is no address. */
    public bool $final;

    public function __construct(string $message, int $curlCode, bool $final = false)
    {
        parent::__construct($message, $curlCode);
        $this->final = $final;
    }

    public function timedOut(): bool
    {
        return $this->getCode() === CURLE_OPERATION_TIMEOUTED;
    }

    public function untrusted(): bool
    {
        return in_array($this->getCode(), [CURLE_SSL_CACERT, CURLE_SSL_CACERT_BADFILE], true);
    }
}
