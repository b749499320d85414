<?php

// There are no sessions: who somebody is, a token says. Cookies take their defaults from here nevertheless.
return [
    'driver' => 'array',
    'path' => '/',
    'domain' => null,
    'secure' => null,
    'same_site' => 'lax',
];
