<?php

// A TCP proxy between the driver and the server, for answers that are lost: `php proxy.php PORT`. It prints its own port,
// then one line for each connection and request. Told `lose N`, it takes the next N answers from the server, which has
// then done what was asked, and ends both connections instead of passing them on. Told
// `close`, it ends all connections. Behind each order stands a word, which it repeats when it has heard.

$upstreamPort = (int) $argv[1];
$listener = stream_socket_server('tcp://127.0.0.1:0');
$name = stream_socket_get_name($listener, false);
echo 'proxy ', substr($name, strrpos($name, ':') + 1), "\n";

$pairs = [];  // [client, server]
$lose = 0;

$end = static function (int $at) use (&$pairs): void {
    fclose($pairs[$at][0]);
    fclose($pairs[$at][1]);
    unset($pairs[$at]);
};

for (;;) {
    $read = [STDIN, $listener, ...array_merge(...array_values($pairs ?: [[]]))];
    $none = null;
    stream_select($read, $none, $none, null);
    if (in_array(STDIN, $read, true)) {
        $line = fgets(STDIN);
        if ($line === false) {
            exit;
        }
        [$what, $told] = preg_split('/ (?=\S+$)/', trim($line));
        if (preg_match('/^lose (\d+)/', $what, $found)) {
            $lose = (int) $found[1];
        }
        if ($what === 'close') {
            array_map($end, array_keys($pairs));
        }
        echo "told {$told}\n";
    }
    if (in_array($listener, $read, true)) {
        $pairs[] = [stream_socket_accept($listener), stream_socket_client("tcp://127.0.0.1:{$upstreamPort}")];
        echo "connection\n";
    }
    // Those that an order above has ended are no longer there.
    foreach ($pairs as $at => [$client, $server]) {
        if (in_array($client, $read, true)) {
            $bytes = fread($client, 1 << 20);
            if ($bytes === '' || $bytes === false) {
                $end($at);

                continue;
            }
            if (preg_match_all('#^(?:GET|POST|DELETE) /apps/[^/]+/([a-z_/0-9]+)#m', $bytes, $found)) {
                foreach ($found[1] as $path) {
                    echo "request {$path}\n";
                }
            }
            fwrite($server, $bytes);
        }
        if (in_array($server, $read, true)) {
            $bytes = fread($server, 1 << 20);
            if ($bytes === '' || $bytes === false) {
                $end($at);

                continue;
            }
            if ($lose > 0) {
                $lose--;
                echo "lost\n";
                $end($at);

                continue;
            }
            fwrite($client, $bytes);
        }
    }
}
