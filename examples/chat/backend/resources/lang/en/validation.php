<?php

// The rules that are used here; a fresh Laravel brings all of them.
return [
    'exists' => 'There is no such :attribute here.',
    'integer' => 'The :attribute must be a whole number.',
    'max' => ['numeric' => 'The :attribute must not be greater than :max.', 'string' => 'The :attribute must not be longer than :max characters.'],
    'min' => ['numeric' => 'The :attribute must be at least :min.'],
    'prohibits' => 'The :attribute cannot be given together with :other.',
    'required' => 'The :attribute is missing.',
    'string' => 'The :attribute must be text.',
    'uuid' => 'The :attribute must be a UUID.',

    // As the API calls them, not "client id".
    'attributes' => ['client_id' => 'client_id', 'message_id' => 'message_id'],
];
