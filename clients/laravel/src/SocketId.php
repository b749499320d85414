<?php

namespace Parley\Laravel;

// The id of a connection, as the server gives it to a page. One that is not connected yet sends `undefined`.

final class SocketId
{
    public static function isOne($text): bool
    {
        return is_string($text) && preg_match('/\A\d+\.\d+\z/', $text) === 1;
    }
}
