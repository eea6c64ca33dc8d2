from fastapi import APIRouter

from app.billing.receipts.routes import router as receipts_router

router = APIRouter(prefix="/billing", tags=["billing"])
router.include_router(receipts_router)
