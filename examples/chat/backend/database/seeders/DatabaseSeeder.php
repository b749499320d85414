<?php

namespace Database\Seeders;

use App\Models\Domain;
use App\Models\User;
use Illuminate\Database\Seeder;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Hash;

/** Two domains and four people, all with the password `password`. What is there already stays as it is. */
class DatabaseSeeder extends Seeder
{
    private const DOMAINS = [1 => 'Sales', 2 => 'Support'];

    private const PEOPLE = [
        1 => ['Ada', true, [1, 2]],
        2 => ['Ben', false, [1, 2]],
        3 => ['Cleo', false, [1]],
        4 => ['Dan', false, []],
    ];

    public function run(): void
    {
        DB::transaction(function () {
            if (User::query()->exists()) {
                return;
            }
            foreach (self::DOMAINS as $id => $name) {
                Domain::query()->forceCreate(['id' => $id, 'name' => $name]);
            }
            $password = Hash::make('password');
            foreach (self::PEOPLE as $id => [$name, $admin, $domains]) {
                $email = strtolower($name).'@example.com';
                User::query()->forceCreate(compact('id', 'name', 'email', 'password', 'admin'))->domains()->attach($domains);
            }
        });
    }
}
