#include <vecstore/core/result.hpp>

#include <boost/json/parse.hpp>
#include <string>
