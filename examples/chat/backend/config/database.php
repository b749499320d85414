<?php

return [
    'default' => env('DB_CONNECTION', 'sqlite'),
    'connections' => [
        'sqlite' => [
            'driver' => 'sqlite',
            'database' => env('DB_DATABASE', database_path('chat.sqlite')),
            'prefix' => '',
            'foreign_key_constraints' => true,
            // Milliseconds that a writer waits for the one before it.
            'busy_timeout' => (int) env('DB_BUSY_TIMEOUT', 5000),
        ],
    ],
    'migrations' => 'migrations',
];
