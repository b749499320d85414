<?php

namespace Parley\Laravel\Tests\Feature;

use Parley\Laravel\Tests\Support\ParleyServer;
use Parley\Laravel\Tests\TestCase;

// Each `.env` that the pages show, as it stands there, makes an application whose check is content. Only addresses and
// secrets are those of the test's server.

final class DocumentationTest extends TestCase
{
    private const LARAVEL_11 = "<?php return ['default' => env('BROADCAST_CONNECTION', 'null'), 'connections' => ['null' => ['driver' => 'null']]];";

    /** @dataProvider environments */
    public function test_an_environment_of_the_pages_works(string $block): void
    {
        foreach ([[], ['config/broadcasting.php' => self::LARAVEL_11]] as $files) {
            $application = $this->later(new \Parley\Laravel\Tests\Support\TestApplication([], $files), 'remove');
            file_put_contents("{$application->folder}/.env", $this->ofThisTest($block));
            [$code, $output] = $application->artisan('parley:check');
            $this->assertSame(0, $code, $output.$block);
        }
    }

    public function environments(): array
    {
        $blocks = [];
        foreach (['docs/laravel.md', 'clients/laravel/README.md'] as $page) {
            $text = file_get_contents(dirname(__DIR__, 4)."/{$page}");
            preg_match_all('/^```(?:ini|diff)\n(.+?)^```/ms', $text, $found);
            foreach ($found[1] as $n => $block) {
                // What a change takes away is gone.
                $blocks["{$page}, block {$n}"] = [preg_replace(['/^-.*\n/m', '/^[+ ]/m'], '', $block)];
            }
        }

        return $blocks;
    }

    public function test_the_pages_have_them(): void
    {
        $this->assertCount(7, $this->environments());
    }

    private function ofThisTest(string $block): string
    {
        $values = ['HOST' => '127.0.0.1', 'PORT' => ParleyServer::shared()->port, 'SCHEME' => 'http',
            'APP_ID' => ParleyServer::ID, 'APP_KEY' => ParleyServer::KEY, 'APP_SECRET' => ParleyServer::SECRET];
        foreach ($values as $name => $value) {
            $block = preg_replace("/^([A-Z]+_{$name})=\\S*/m", "\$1={$value}", $block);
        }

        return $block;
    }
}
