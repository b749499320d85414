<?php

// A Laravel application as far as broadcasting through Redis goes: Illuminate's own RedisBroadcaster, RedisManager
// and phpredis, put together as its service providers do. Reads one line of JSON for each event from stdin,
// {"channels":[…],"event":…,"payload":{…}} and answers each with "ok" or what went wrong.
//
//   php broadcast.php '{"host":"127.0.0.1","port":6379,"password":null,"prefix":"laravel_database_"}'

require_once 'Illuminate/Redis/autoload.php';
require_once 'Illuminate/Broadcasting/autoload.php';
require_once 'Illuminate/Container/autoload.php';

use Illuminate\Broadcasting\Broadcasters\RedisBroadcaster;
use Illuminate\Container\Container;
use Illuminate\Redis\RedisManager;

$options = json_decode($argv[1], true);
$database = [
    'options' => ['prefix' => $options['prefix']],
    'default' => [
        'host' => $options['host'],
        'port' => $options['port'],
        'username' => $options['username'] ?? null,
        'password' => $options['password'] ?? null,
        'database' => $options['database'] ?? 0,
    ],
];
$redis = new RedisManager(new Container, 'phpredis', $database);
// As BroadcastManager::createRedisDriver() makes it.
$broadcaster = new RedisBroadcaster($redis, null, $database['options']['prefix']);

while (($line = fgets(STDIN)) !== false) {
    $event = json_decode($line, true);
    try {
        $broadcaster->broadcast($event['channels'], $event['event'], $event['payload']);
        echo "ok\n";
    } catch (Throwable $failure) {
        echo get_class($failure).': '.$failure->getMessage()."\n";
    }
}
