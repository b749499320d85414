<?php

namespace App\Database;

use PDO;

/**
 * Transactions that take the write lock when they begin. SQLite's own kind takes it at the first write; if another
 * process wrote since the first read, that fails at once with "database is locked", whatever the busy_timeout. The
 * queue's worker reads before it writes, and would lose a second each time.
 */
class ImmediatePdo extends PDO
{
    private bool $open = false;

    public function beginTransaction(): bool
    {
        $this->exec('BEGIN IMMEDIATE');

        return $this->open = true;
    }

    public function commit(): bool
    {
        $this->exec('COMMIT');
        $this->open = false;

        return true;
    }

    public function rollBack(): bool
    {
        $this->open = false;
        $this->exec('ROLLBACK');

        return true;
    }

    public function inTransaction(): bool
    {
        return $this->open;
    }
}
