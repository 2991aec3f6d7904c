#include <vecstore/storage/file.hpp>
