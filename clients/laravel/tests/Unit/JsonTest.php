<?php

namespace Parley\Laravel\Tests\Unit;

use Parley\Laravel\Http\Json;
use PHPUnit\Framework\TestCase;

final class JsonTest extends TestCase
{
    /** @dataProvider texts */
    public function test_half_a_surrogate_is_replaced_and_all_else_stays(string $json, $value): void
    {
        $this->assertSame($value, Json::decode($json));
    }

    public function texts(): array
    {
        $half = "\u{fffd}";

        return [
            'high' => ['"\ud83d"', $half], 'low' => ['"\udE00"', $half], 'two high' => ['"\ud83d\ud83d"', $half.$half],
            'high before a pair' => ['"\ud83d\ud83d\ude00"', "{$half}\u{1f600}"], 'pair before low' => ['"\ud83d\ude00\ude00"', "\u{1f600}{$half}"],
            'other escapes' => ['"\ud83d\n\"\u00e9"', "{$half}\n\"é"], 'text that looks like one' => ['["\ud83d", "\\\\ud83d"]', [$half, '\ud83d']],
            'name' => ['{"\ud83d":1}', [$half => 1]], 'none' => ['{"a":1}', ['a' => 1]],
        ];
    }

    public function test_what_is_no_json_stays_none_and_says_why(): void
    {
        $this->assertNull(Json::decode('{"a":"\ud83d"'));
        $this->assertSame('Syntax error', json_last_error_msg());
        $this->assertNull(Json::decode('[[1]]', 1));
        $this->assertSame(JSON_ERROR_DEPTH, json_last_error());
    }
}
