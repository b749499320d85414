<?php

namespace Parley\Laravel\Http;

// Reads JSON that others wrote. The server passes on what clients send byte for byte, and JSON of JavaScript may hold half
// a surrogate pair (`"\ud83d"`: an emoji that was cut in two), which PHP refuses together with all that stands around it.

final class Json
{
    // An escape: a whole pair, half of one, or any other. The last keeps `\\ud83d`, which is text, from being taken for one.
    private const ESCAPES = '/\\\\(?:u(d[89ab][0-9a-f]{2}\\\\ud[c-f][0-9a-f]{2})|u(d[89a-f][0-9a-f]{2})|.)/si';

    /** As json_decode() to arrays, with U+FFFD for each half. Null if it is none: json_last_error_msg() says why. */
    public static function decode(string $json, int $depth = 512, int $flags = 0)
    {
        $decoded = json_decode($json, true, $depth, $flags);
        if (json_last_error() !== JSON_ERROR_UTF16) {
            return $decoded;
        }
        $whole = preg_replace_callback(self::ESCAPES, fn ($found) => ($found[2] ?? '') !== '' ? '\ufffd' : $found[0], $json);

        return json_decode($whole ?? $json, true, $depth, $flags);
    }
}
