/// The whole public interface of the store.
#pragma once

#include <vecstore/collection/collection.hpp>
#include <vecstore/collection/query_json.hpp>
#include <vecstore/database/check.hpp>
#include <vecstore/database/database.hpp>
#include <vecstore/database/encryption.hpp>
#include <vecstore/filter/dsl.hpp>
