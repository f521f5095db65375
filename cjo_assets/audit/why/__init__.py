"""Why a customer or an intervention got its decision."""
