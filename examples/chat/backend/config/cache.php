<?php

return [
    // In the database, as in a fresh Laravel 11: of a file that is being made another process may read nothing, take it
    // for expired and delete it, and a `queue:restart` is lost.
    'default' => env('CACHE_DRIVER', 'database'),
    'stores' => [
        'database' => ['driver' => 'database', 'table' => 'cache'],
        'array' => ['driver' => 'array', 'serialize' => false],
    ],
    'prefix' => 'chat_cache',
];
