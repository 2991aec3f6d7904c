#include "filter/evaluate.hpp"
#include <lmdb.h>
#include <vecstore/core/bytes.hpp>
#include <vecstore/vecstore.hpp>
