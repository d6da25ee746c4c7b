# SPDX-License-Identifier: ISC

ExUnit.start()
