<?php

// Settings of the Parley package. All come from the environment; this file need not be published.

// One complete set of credentials counts, in the order in which the server itself looks for them: a key of one
// server with the secret of another would only be refused.
$credentials = 'PARLEY';
foreach (['PARLEY', 'REVERB', 'PUSHER'] as $family) {
    if (env("{$family}_APP_ID") && env("{$family}_APP_KEY") && env("{$family}_APP_SECRET")) {
        $credentials = $family;
        break;
    }
}

// Likewise the address: WEBSOCKET_*, or that of the server whose credentials these are. The lines of another one that
// Laravel's own `.env` has (PUSHER_HOST without a value, PUSHER_PORT=443) say nothing.
$address = 'WEBSOCKET';
if (! env('WEBSOCKET_HOST') && ! env('WEBSOCKET_PORT') && $credentials !== 'PARLEY' && env("{$credentials}_HOST")) {
    $address = $credentials;
}

return [
    'app_id' => env("{$credentials}_APP_ID"),
    'key' => env("{$credentials}_APP_KEY"),
    'secret' => env("{$credentials}_APP_SECRET"),
    // While the secret is changed: webhooks signed with the old one are still taken.
    'secret_previous' => env('WEBSOCKET_SECRET_PREVIOUS'),

    // Where this application reaches the server. 0.0.0.0, which a server listens on, means 127.0.0.1 here.
    'host' => env("{$address}_HOST", '127.0.0.1'),
    'port' => env("{$address}_PORT", 6001),
    'scheme' => env("{$address}_SCHEME", 'http'),
    // The server's `server.path_prefix`, or what a proxy has in front of it.
    'path' => env('WEBSOCKET_PATH', ''),
    // false: take any certificate; a path: the PEM file of the authority that signed it.
    'verify' => env('WEBSOCKET_VERIFY', true),

    // In seconds. `timeout` is for a whole call, its repetitions included.
    'connect_timeout' => env('WEBSOCKET_CONNECT_TIMEOUT', 2),
    'timeout' => env('WEBSOCKET_TIMEOUT', 5),

    // The server's `limits.events_per_batch_max` and `limits.channels_per_publish_max`, and a size that stays
    // within its `limits.http_body_bytes_max`.
    'batch' => [
        'events' => 10,
        'channels' => 100,
        'bytes' => 1_000_000,
    ],

    // An answer that is larger is refused: ask for a smaller page of history.
    'answer_bytes_max' => 64 * 1024 * 1024,

    // For private-encrypted channels: 32 bytes in base64, made by `openssl rand -base64 32`.
    'encryption_master_key' => env('WEBSOCKET_ENCRYPTION_MASTER_KEY'),

    // Connection tokens: with what they are signed (null: the secret above), and how long they last.
    'tokens' => [
        'secret' => env('WEBSOCKET_TOKEN_SECRET'),
        'lifetime' => env('WEBSOCKET_TOKEN_LIFETIME', 3600),
    ],

    // The route that the server's webhooks are sent to.
    'webhooks' => [
        'enabled' => true,
        'path' => env('WEBSOCKET_WEBHOOK_PATH', 'parley/webhooks'),
        'middleware' => [],
        'body_bytes_max' => 1024 * 1024,
        // Seconds. Older notices are refused, and for so long those that were seen are remembered. The server tries a
        // notice for a day (`retry_for_seconds`); less than that loses what was held up.
        'age_max' => 2 * 86400,
        // Where those are remembered: a store of config/cache.php that all processes share; null: the default one.
        'cache' => env('WEBSOCKET_WEBHOOK_CACHE'),
    ],

    // Laravel 11 renamed BROADCAST_DRIVER. Where only the old name is set to one of ours, it counts.
    'default' => env('BROADCAST_CONNECTION', env('BROADCAST_DRIVER')),
];
