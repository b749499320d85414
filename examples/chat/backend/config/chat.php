<?php

return [
    // Migrate when the application starts (`serve`, `queue:work`).
    'auto_migrate' => (bool) env('AUTO_MIGRATE', false),
    // Then put people into an empty database, an admin too, whose password everybody can read here.
    'seed_people' => (bool) env('SEED_PEOPLE', false),
    // How long a sign-in lasts.
    'token_days' => 30,
    // Wrong passwords within a minute: for one account from one address, and from one address for whichever accounts.
    'wrong_passwords_max' => 10,
    'wrong_passwords_of_address_max' => 100,
];
