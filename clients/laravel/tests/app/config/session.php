<?php

return ['driver' => 'array', 'lifetime' => 120, 'cookie' => 'chat', 'path' => '/', 'domain' => null, 'secure' => false, 'http_only' => true,
    'same_site' => 'lax', 'encrypt' => false, 'expire_on_close' => false, 'lottery' => [0, 100]];
