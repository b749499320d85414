<?php

return [
    // Migrate and seed when the application starts (`serve`, `queue:work`, `chat:prepare`).
    'auto_migrate' => (bool) env('AUTO_MIGRATE', false),
    // How long a sign-in lasts.
    'token_days' => 30,
    // Wrong passwords of one account from one address within a minute.
    'wrong_passwords_max' => 10,
];
