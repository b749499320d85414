<?php

namespace Parley\Laravel\Tests\Support;

use FilesystemIterator;
use RecursiveDirectoryIterator;
use RecursiveIteratorIterator;

// Folders that a test makes and removes.

final class Folder
{
    public static function temporary(): string
    {
        $folder = sys_get_temp_dir().'/parley-laravel-'.bin2hex(random_bytes(6));
        mkdir($folder, 0700);

        return $folder;
    }

    public static function copy(string $from, string $to): void
    {
        foreach (self::in($from, RecursiveIteratorIterator::SELF_FIRST) as $path => $file) {
            $target = $to.substr($path, strlen($from));
            $file->isDir() ? @mkdir($target, 0700, true) : copy($path, $target);
        }
    }

    public static function remove(string $folder): void
    {
        if (! is_dir($folder)) {
            return;
        }
        foreach (self::in($folder, RecursiveIteratorIterator::CHILD_FIRST) as $path => $file) {
            $file->isDir() ? rmdir($path) : unlink($path);
        }
        rmdir($folder);
    }

    private static function in(string $folder, int $order): RecursiveIteratorIterator
    {
        return new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS), $order);
    }
}
