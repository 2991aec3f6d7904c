#include <vecstore/storage/file.hpp>

#include <boost/json/value.hpp>
