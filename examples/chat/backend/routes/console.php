<?php

use App\Models\Domain;
use App\Models\User;
use Illuminate\Support\Facades\Artisan;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Hash;

Artisan::command('chat:prepare', function () {
    $prepare = function () {
        $this->call('migrate', ['--force' => true]);
        if (config('chat.seed_people')) {
            $this->call('db:seed', ['--force' => true]);
        }
    };
    // Whole or not at all, also when it is killed, and by one process at a time: SQLite takes back tables too.
    DB::getDriverName() === 'sqlite' ? DB::transaction($prepare) : $prepare();
})->purpose('Migrate, and with SEED_PEOPLE=true seed an empty database');

Artisan::command('chat:people {count} {--domain=1}', function () {
    $domain = Domain::query()->findOrFail($this->option('domain'));
    $password = Hash::make('password');
    DB::transaction(function () use ($domain, $password) {
        foreach (range(1, (int) $this->argument('count')) as $number) {
            $user = User::query()->firstOrCreate(['email' => "person$number@example.com"], ['name' => "Person $number", 'password' => $password, 'admin' => false]);
            $user->domains()->syncWithoutDetaching([$domain->id]);
        }
    });
    $this->info("person1@example.com to person{$this->argument('count')}@example.com, password `password`");
})->purpose('Add people to a domain, to see how much it bears');

Artisan::command('chat:jobs', fn () => $this->line((string) DB::table('jobs')->count()))->purpose('How many broadcasts wait in the queue');
