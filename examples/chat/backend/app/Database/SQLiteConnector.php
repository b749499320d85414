<?php

namespace App\Database;

use Illuminate\Database\Connectors\SQLiteConnector as Connector;

/**
 * SQLite for many processes at once: readers and the writer do not wait for each other (WAL), writers wait in line
 * (busy_timeout), and a transaction is a writer from its start (ImmediatePdo). A writer does not hold the others up for
 * the disk: with WAL a power cut may take back the last commits, but damages nothing. The file is made when it is missing.
 */
class SQLiteConnector extends Connector
{
    public function connect(array $config)
    {
        if ($config['database'] !== ':memory:' && ! file_exists($config['database'])) {
            touch($config['database']);
        }
        $pdo = parent::connect($config);
        $pdo->exec('PRAGMA busy_timeout = '.(int) ($config['busy_timeout'] ?? 5000));
        $pdo->exec('PRAGMA journal_mode = WAL');
        $pdo->exec('PRAGMA synchronous = NORMAL');

        return $pdo;
    }

    protected function createPdoConnection($dsn, $username, $password, $options)
    {
        return new ImmediatePdo($dsn, $username, $password, $options);
    }
}
