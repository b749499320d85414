<?php

return [
    'default' => env('BROADCAST_DRIVER', 'null'),
    'connections' => [
        // `websocket` and `parley` are added by the package: config/parley.php of clients/laravel has their settings.
        'log' => ['driver' => 'log'],
        'null' => ['driver' => 'null'],
    ],
];
